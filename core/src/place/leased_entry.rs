//! What leased files and directories share.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstop_os::directory::Directory;
use backstop_os::files::Survey;

use super::entry::Entry;
use super::error;
use super::root::LeasedRoot;
use crate::error::{Error, Stage};
use crate::release::Tracked;
use crate::resource::TrackedResource;

/// A directory entry that this process created and removes again.
#[derive(Debug)]
pub struct LeasedEntry {
    entry: Entry,
    /// Held so that it is not removed before what is in it.
    root: Option<Arc<LeasedRoot>>,
}

impl LeasedEntry {
    pub(super) fn new(entry: Entry, root: Option<Arc<LeasedRoot>>) -> Arc<Self> {
        Arc::new(Self { entry, root })
    }

    pub(super) fn inner(&self) -> &Entry {
        &self.entry
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.entry.path()
    }

    /// Opens the directory that it is.
    ///
    /// # Errors
    /// It is gone, was replaced, or is not a directory.
    pub fn open(&self) -> io::Result<Directory> {
        self.entry.open()
    }

    /// Counts what is in it.
    #[must_use]
    pub fn survey(&self) -> Survey {
        self.entry.survey()
    }

    /// How many bytes it holds: a file by its length, as its writers count, a directory by what the disk
    /// allocates to what is in it. `None` if that cannot be determined.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.entry.bytes()
    }

    /// Detaches the guard of the resource that it belongs to, so that it stays, and returns the path that
    /// it has from then on. Out of the leased root, which is removed with this process, it moves to the
    /// directory above, under the same name.
    ///
    /// # Errors
    /// Its release has begun already; or it cannot be moved, and then it is removed with the root.
    pub fn keep<R: TrackedResource>(self: &Arc<Self>, guard: Tracked<R>) -> Result<PathBuf, Error> {
        let entry = Arc::clone(self);
        // Detached before it is moved: if a release wins, nothing was moved; if the process is killed in
        // between, nothing was kept.
        if !guard.dismiss() {
            return Err(error::revoked(entry.path()));
        }
        let Some(root) = &entry.root else {
            return Ok(entry.path().to_owned());
        };
        let failed = "it cannot be moved out of the leased root, and will be removed with it";
        root.move_out(entry.entry.name())
            .map_err(error::at(entry.path(), Stage::Use, failed))
    }
}
