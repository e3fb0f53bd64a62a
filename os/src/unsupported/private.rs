//! Directories that no other user can access.

use std::io;
use std::path::Path;

use super::directory::Directory;

impl Directory {
    /// # Errors
    /// Never: there is no such directory.
    pub fn require_private(&self) -> io::Result<()> {
        match self.0 {}
    }
}

/// # Errors
/// Always: directory handles are not known on this system.
pub fn private_directory(_path: &Path) -> io::Result<Directory> {
    Err(io::ErrorKind::Unsupported.into())
}
