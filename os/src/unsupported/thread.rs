//! Threads.

use std::io;

/// Zero: thread IDs are not known on this system.
#[must_use]
pub fn id() -> u32 {
    0
}

/// # Errors
/// Always: this system's threads are not listed.
pub fn listed() -> io::Result<Vec<(u32, String)>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: this system's processes are not listed.
pub fn children() -> io::Result<Vec<i32>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: thread IDs are not known on this system.
pub fn is_alive(_pid: i32, _thread: u32) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}
