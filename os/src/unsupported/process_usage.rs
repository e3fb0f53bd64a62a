//! Usage of another process, beyond what the process table contains.

use std::io;
use std::time::Duration;

/// # Errors
/// Always: not known on this system.
pub fn handles(_pid: i32) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: not known on this system.
pub fn handle_limit(_pid: i32) -> io::Result<Option<u64>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: not known on this system.
pub fn peak(_pid: i32) -> io::Result<Option<u64>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: not known on this system.
pub fn proportional(_pid: i32) -> io::Result<Option<u64>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: not known on this system.
pub fn sockets(_pid: i32, _budget: Duration) -> io::Result<Option<u32>> {
    Err(io::ErrorKind::Unsupported.into())
}
