//! Finds the processes that use a file or directory.

use std::io;
use std::path::Path;

use crate::holder::{FileHolder, Mappings};
use crate::scan::Scan;

/// # Errors
/// Always: other processes' files cannot be listed on this system.
pub fn holders_of(_device: u64, _inode: u64, _mappings: Mappings) -> io::Result<Scan<FileHolder>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: other processes' files cannot be listed on this system.
pub fn holders_beneath(_path: &Path, _mappings: Mappings) -> io::Result<Scan<FileHolder>> {
    Err(io::ErrorKind::Unsupported.into())
}
