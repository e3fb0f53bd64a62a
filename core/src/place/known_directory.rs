//! A directory with what distinguishes it from its successors.

use std::path::{Path, PathBuf};

use backstop_os::directory::Directory;
use backstop_os::identity::FileIdentity;

use crate::error::{Error, Stage};

/// An open directory, its path at the time, and its identity for recipes.
///
/// It stays the same directory when another one takes its name; the path is for messages and for a
/// reclaimer, which compares the identity.
#[derive(Debug)]
pub(super) struct KnownDirectory {
    path: PathBuf,
    handle: Directory,
    identity: FileIdentity,
}

impl KnownDirectory {
    /// Opens the directory at `path`, links on the way resolved once and for all.
    ///
    /// # Errors
    /// It does not exist, is not a directory, or cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error| {
            Error::io(Stage::Open, "the directory cannot be used", error)
                .with("path", path.display())
        };
        // Resolved now: a later change of the working directory must not change what is meant
        // (tempfile before 3.27 deleted the wrong file for that reason).
        let path = path.canonicalize().map_err(failed)?;
        let handle = Directory::open(&path).map_err(failed)?;
        Self::of(path.clone(), handle).map_err(failed)
    }

    pub(super) fn of(path: PathBuf, handle: Directory) -> std::io::Result<Self> {
        let identity = handle.identity()?;
        Ok(Self {
            path,
            handle,
            identity,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn handle(&self) -> &Directory {
        &self.handle
    }

    pub(super) fn identity(&self) -> &FileIdentity {
        &self.identity
    }
}
