//! Reads the identity of a process.

use std::io;

use crate::identity::ProcessIdentity;

/// # Errors
/// Always: this system reports too little to identify a process.
pub fn identity_of_self() -> io::Result<ProcessIdentity> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: this system reports too little to identify a process.
pub fn identity_of(_pid: i32) -> io::Result<ProcessIdentity> {
    Err(io::ErrorKind::Unsupported.into())
}
