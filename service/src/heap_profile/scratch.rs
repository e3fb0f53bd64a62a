//! A temporary file next to the final one, removed in any case.

use std::path::{Path, PathBuf};

use backstop_os::identity::Cookie;

/// The name of a file that does not exist yet, in the same directory, so that it can replace the
/// final one atomically. Random: no other process can have created it.
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
        // It was renamed to the final one, or never created.
        let _ = std::fs::remove_file(&self.0);
    }
}
