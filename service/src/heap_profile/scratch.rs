//! A file beside the one that is to be, which goes whatever happens.

use std::path::{Path, PathBuf};

use backstop_os::identity::Cookie;

/// The name of a file that does not exist yet, in the same directory, so that it can take the other's
/// place in one step. Random: nobody can have put something there.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn beside(path: &Path) -> Self {
        Self(path.with_file_name(format!(".backstop-{}", Cookie::random())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It has taken the other's place, or was never made.
        let _ = std::fs::remove_file(&self.0);
    }
}
