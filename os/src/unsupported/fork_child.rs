//! Forks a process that has one thread, and exits without cleanup.

use std::io;

use crate::forked::Forked;

/// # Errors
/// Always: forks are not supported on this system.
pub fn fork_child() -> io::Result<Forked> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Ends this process as abruptly as the system allows: its exit code is lost, and it counts as
/// crashed.
pub fn exit_now(_code: i32) -> ! {
    std::process::abort()
}
