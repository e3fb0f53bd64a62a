//! What is to be made, and where.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::resource::{ResourceId, Site};
use backstop_os::fork;
use backstop_os::identity::Cookie;

use crate::entry::{Draft, Place};
use crate::known_directory::KnownDirectory;
use crate::quota::Quota;
use crate::root::{LeasedRoot, default_base};
use crate::{HandleLimit, error};

/// Says what a temp file or directory is like; [`create_dir`](Self::create_dir) and
/// [`create_file`](Self::create_file) make it.
///
/// # Examples
/// ```
/// use backstop_tempfs::TempOptions;
///
/// let frames = TempOptions::new().prefix("frames-").create_dir()?;
/// let name = frames.path().file_name().unwrap().to_string_lossy();
/// assert!(name.starts_with("frames-"));
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is made until `create_dir` or `create_file`"]
pub struct TempOptions {
    backstop: Option<Backstop>,
    place: Where,
    prefix: String,
    suffix: String,
    parent: Option<ResourceId>,
    pub(crate) quota: Option<Quota>,
    pub(crate) handles: HandleLimit,
}

#[derive(Debug, Clone)]
enum Where {
    Leased(Option<PathBuf>),
    In(PathBuf),
}

impl Default for TempOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl TempOptions {
    /// In this process's leased root, without prefix, suffix and quota.
    pub fn new() -> Self {
        Self {
            backstop: None,
            place: Where::Leased(None),
            prefix: String::new(),
            suffix: String::new(),
            parent: None,
            quota: None,
            handles: HandleLimit::global(),
        }
    }

    /// Who tracks it. Default: [`Backstop::global`].
    pub fn backstop(mut self, backstop: Backstop) -> Self {
        self.backstop = Some(backstop);
        self
    }

    /// Where the leased root is made. Default: `$TMPDIR`, else `/tmp`.
    pub fn base(mut self, base: impl Into<PathBuf>) -> Self {
        self.place = Where::Leased(Some(base.into()));
        self
    }

    /// Puts it into this directory, which must exist, instead of the leased root. What cleaners do
    /// there by age is theirs to know: no lock keeps them off.
    pub fn in_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.place = Where::In(directory.into());
        self
    }

    /// How its name begins, before twelve random letters and digits. Default: nothing.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How its name ends. Default: nothing.
    pub fn suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = suffix.into();
        self
    }

    /// The resource it belongs to: it is released before that is. Default: the leased root.
    pub fn parent(mut self, parent: Option<ResourceId>) -> Self {
        self.parent = parent;
        self
    }

    /// Counts its bytes to this quota. Default: none.
    pub fn quota(mut self, quota: &Quota) -> Self {
        self.parent = self.parent.or_else(|| quota.scope());
        self.quota = Some(quota.clone());
        self
    }

    /// Counts its handle to this limit. Default: [`HandleLimit::global`].
    pub fn handles(mut self, limit: &HandleLimit) -> Self {
        self.handles = limit.clone();
        self
    }

    pub(crate) fn tracker(&self) -> Backstop {
        self.backstop.unwrap_or_else(Backstop::global)
    }

    pub(crate) fn parent_of(&self, place: &Place) -> Option<ResourceId> {
        match place {
            Place::Leased(root) => self.parent.or_else(|| root.id()),
            Place::Elsewhere(_) => self.parent,
        }
    }

    /// Draws its name.
    pub(crate) fn draft(&self, backstop: Backstop, site: Site) -> Result<(Draft, Place), Error> {
        if !fork::is_original_process() {
            return Err(error::forked());
        }
        let place = match &self.place {
            Where::Leased(base) => {
                let base = base.clone().unwrap_or_else(default_base);
                Place::Leased(LeasedRoot::of(backstop, &base, site)?)
            }
            Where::In(directory) => elsewhere(directory)?,
        };
        let draft = Draft::new(place.clone(), &self.prefix, Cookie::random(), &self.suffix)?;
        Ok((draft, place))
    }
}

pub(crate) fn elsewhere(directory: &Path) -> Result<Place, Error> {
    Ok(Place::Elsewhere(Arc::new(KnownDirectory::open(directory)?)))
}
