//! BSD locks on open files.

use std::io;

use crate::files::LockAttempt;

/// # Errors
/// Always: locks are not known on this system.
pub fn try_exclusive<F>(_file: F) -> io::Result<LockAttempt> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: locks are not known on this system.
pub fn try_shared<F>(_file: F) -> io::Result<LockAttempt> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: locks are not known on this system.
pub fn exclusive_blocking<F>(_file: F) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
