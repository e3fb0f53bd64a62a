//! Whether orphaned descendants become children of this process.

use std::io;

use crate::adopt::Adopt;

/// # Errors
/// Always: this system has no subreapers.
pub fn is_subreaper() -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: this system has no subreapers.
pub fn set_subreaper(_adopt: Adopt) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
