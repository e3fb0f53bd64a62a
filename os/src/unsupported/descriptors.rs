//! How many file descriptors this process has open, and how many it may open.

use std::io;

/// # Errors
/// Always: not known on this system.
pub fn open() -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: not known on this system.
pub fn listed() -> io::Result<Vec<(i32, String)>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not known on this system, hence no limit.
#[must_use]
pub fn limit() -> Option<u64> {
    None
}

/// Not known on this system, hence no limit.
#[must_use]
pub fn highest_limit() -> Option<u64> {
    None
}
