//! Waits until one of several descriptors is readable.

use std::io;
use std::time::Instant;

/// # Errors
/// Always: not supported on this system.
pub fn wait_readable<D>(_descriptors: &[D], _deadline: Option<Instant>) -> io::Result<Vec<bool>> {
    Err(io::ErrorKind::Unsupported.into())
}
