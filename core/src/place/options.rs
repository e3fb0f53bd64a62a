//! Options for creating entries.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstop_os::fork;
use backstop_os::identity::Cookie;

use super::draft::PlaceDraft;
use super::entry::{Draft, Position};
use super::error;
use super::known_directory::KnownDirectory;
use super::leased_directory::LeasedDirectory;
use super::leased_file::LeasedFile;
use super::root::{LeasedRoot, default_base};
use crate::error::Error;
use crate::policy::CleanupPolicy;
use crate::release::{Backstop, Tracked};
use crate::resource::{Kind, ResourceId, Site};

/// Options of a leased file or directory; [`create_directory`](Self::create_directory) and
/// [`create_file`](Self::create_file) create it.
///
/// # Examples
/// ```
/// use std::io::Write;
/// use backstop_core::place::PlaceOptions;
/// use backstop_core::resource::Kind;
///
/// let frames = PlaceOptions::new(Kind::new("example.frames"))
///     .prefix("frames-")
///     .suffix(".raw")
///     .create_file()?;
/// frames.access().write_all(&[0; 64])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is created until `create_directory` or `create_file`"]
pub struct PlaceOptions {
    kind: Kind,
    label: Option<Cow<'static, str>>,
    backstop: Option<Backstop>,
    location: Location,
    prefix: String,
    suffix: String,
    parent: Option<ResourceId>,
    policy: Option<CleanupPolicy>,
}

#[derive(Debug, Clone)]
enum Location {
    Leased(Option<PathBuf>),
    In(PathBuf),
}

impl PlaceOptions {
    /// Of this kind, in this process's leased root, without prefix and suffix.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            label: None,
            backstop: None,
            location: Location::Leased(None),
            prefix: String::new(),
            suffix: String::new(),
            parent: None,
            policy: None,
        }
    }

    /// Its label in the ledger. Default: its path.
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The tracker. Default: [`Backstop::global`].
    pub fn backstop(mut self, backstop: Backstop) -> Self {
        self.backstop = Some(backstop);
        self
    }

    /// The directory in which the leased root is created. Default: `$TMPDIR`, else `/tmp`.
    pub fn base(mut self, base: impl Into<PathBuf>) -> Self {
        self.location = Location::Leased(Some(base.into()));
        self
    }

    /// Creates it in this directory, which must exist, instead of the leased root. Programs that clean up
    /// there by age may remove it, because no lock protects it.
    pub fn in_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.location = Location::In(directory.into());
        self
    }

    /// Name prefix, before twelve random letters and digits. Default: none.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Name suffix. Default: none.
    pub fn suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = suffix.into();
        self
    }

    /// The resource it belongs to: it is released before that one. Default: the leased root.
    pub fn parent(mut self, parent: Option<ResourceId>) -> Self {
        self.parent = parent;
        self
    }

    /// A policy of its own. Default: that of its kind.
    pub fn policy(mut self, policy: CleanupPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Creates a directory of mode 0700. It is recorded in the ledger first.
    ///
    /// # Errors
    /// As [`draw`](Self::draw) and [`PlaceDraft::create_directory`].
    #[track_caller]
    pub fn create_directory(&self) -> Result<Tracked<LeasedDirectory>, Error> {
        self.draw()?.create_directory(|directory| directory)
    }

    /// Creates a file of mode 0600. It is recorded in the ledger first.
    ///
    /// # Errors
    /// As [`draw`](Self::draw) and [`PlaceDraft::create_file`].
    #[track_caller]
    pub fn create_file(&self) -> Result<Tracked<LeasedFile>, Error> {
        self.draw()?.create_file((), |file| file)
    }

    /// Chooses its random name. Nothing is created or recorded yet, apart from the leased root.
    ///
    /// # Errors
    /// Prefix and suffix do not form a valid file name; the base or the directory does not exist or is not
    /// writable; this is a forked child.
    #[track_caller]
    pub fn draw(&self) -> Result<PlaceDraft, Error> {
        let site = Site::caller();
        if !fork::is_original_process() {
            return Err(error::forked());
        }
        let backstop = self.backstop.unwrap_or_else(Backstop::global);
        let (root, directory, position) = match &self.location {
            Location::Leased(base) => {
                let base = base.clone().unwrap_or_else(default_base);
                let root = LeasedRoot::opened_at(backstop, &base, site)?;
                let directory = Arc::clone(root.directory());
                (Some(root), directory, Position::InRoot)
            }
            Location::In(directory) => (None, open(directory)?, Position::Elsewhere),
        };
        let draft = Draft::new(
            directory,
            position,
            &self.prefix,
            Cookie::random(),
            &self.suffix,
        )?;
        Ok(PlaceDraft {
            backstop,
            kind: self.kind,
            label: self.label.clone(),
            site,
            parent: self.parent,
            policy: self.policy.clone(),
            draft,
            root,
        })
    }
}

pub(super) fn open(directory: &Path) -> Result<Arc<KnownDirectory>, Error> {
    Ok(Arc::new(KnownDirectory::open(directory)?))
}
