//! Options for creating entries.

use std::path::{Path, PathBuf};

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::place::{self, PlaceOptions};
use backstop_core::release::Tracked;
use backstop_core::resource::{Kind, ResourceId, Site};

use crate::quota::Quota;
use crate::{AtomicFile, HandleLimit, PARTIAL};

/// Options of a temp file or directory; [`create_dir`](Self::create_dir) and
/// [`create_file`](Self::create_file) create it.
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
#[must_use = "nothing is created until `create_dir` or `create_file`"]
pub struct TempOptions {
    backstop: Option<Backstop>,
    location: Location,
    prefix: String,
    suffix: String,
    parent: Option<ResourceId>,
    pub(crate) quota: Option<Quota>,
    pub(crate) handles: HandleLimit,
}

#[derive(Debug, Clone)]
enum Location {
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
            location: Location::Leased(None),
            prefix: String::new(),
            suffix: String::new(),
            parent: None,
            quota: None,
            handles: HandleLimit::global(),
        }
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

    /// Counts its bytes against this quota. Default: none.
    pub fn quota(mut self, quota: &Quota) -> Self {
        self.parent = self.parent.or_else(|| quota.scope());
        self.quota = Some(quota.clone());
        self
    }

    /// Counts its handle against this limit. Default: [`HandleLimit::global`].
    pub fn handles(mut self, limit: &HandleLimit) -> Self {
        self.handles = limit.clone();
        self
    }

    pub(crate) fn place(&self, kind: Kind) -> PlaceOptions {
        let options = PlaceOptions::new(kind)
            .prefix(&*self.prefix)
            .suffix(&*self.suffix)
            .parent(self.parent);
        let options = match self.backstop {
            Some(backstop) => options.backstop(backstop),
            None => options,
        };
        match &self.location {
            Location::Leased(None) => options,
            Location::Leased(Some(base)) => options.base(base),
            Location::In(directory) => options.in_directory(directory),
        }
    }
}

/// Options for replacing a file atomically; [`create`](Self::create) begins.
#[derive(Debug, Clone)]
#[must_use = "nothing is created until `create`"]
pub struct AtomicOptions {
    place: place::AtomicOptions,
    handles: HandleLimit,
}

impl Default for AtomicOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl AtomicOptions {
    /// Synced to the disk, replacing an existing file, with its mode.
    pub fn new() -> Self {
        Self {
            place: place::AtomicOptions::new(PARTIAL),
            handles: HandleLimit::global(),
        }
    }

    fn with(self, change: impl FnOnce(place::AtomicOptions) -> place::AtomicOptions) -> Self {
        Self {
            place: change(self.place),
            ..self
        }
    }

    /// The tracker. Default: [`Backstop::global`].
    pub fn backstop(self, backstop: Backstop) -> Self {
        self.with(|place| place.backstop(backstop))
    }

    /// The resource it belongs to. Default: none.
    pub fn parent(self, parent: Option<ResourceId>) -> Self {
        self.with(|place| place.parent(parent))
    }

    /// Counts its handle against this limit. Default: [`HandleLimit::global`].
    pub fn handles(mut self, limit: &HandleLimit) -> Self {
        self.handles = limit.clone();
        self
    }

    /// Does not wait for the disk (no `fsync`): for data that can be computed again. A kill still leaves
    /// the old or the new file; a power cut may leave an empty one. Default: waits.
    pub fn without_sync(self) -> Self {
        self.with(place::AtomicOptions::without_sync)
    }

    /// Refuses to replace: `commit` fails if the target exists by then. Default: replaces.
    pub fn without_replacing(self) -> Self {
        self.with(place::AtomicOptions::without_replacing)
    }

    /// The permission bits of the new file. Default: those of the file that it replaces, else 0600.
    pub fn mode(self, mode: u32) -> Self {
        self.with(|place| place.mode(mode))
    }

    /// Begins the new content of `target`, whose directory must exist.
    ///
    /// # Errors
    /// The path has no file name; the directory is not writable; the handle limit is reached; this is a
    /// forked child.
    #[track_caller]
    pub fn create(&self, target: impl AsRef<Path>) -> Result<Tracked<AtomicFile>, Error> {
        let site = Site::caller();
        let take = |path: &Path| self.handles.take(path, site);
        let created = self.place.create_with(target, take);
        created.map_err(|error| self.handles.explain(error))
    }
}
