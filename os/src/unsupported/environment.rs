//! Finds processes by their environment.

use std::ffi::{OsStr, OsString};
use std::io;

use crate::identity::Cookie;
use crate::scan::Scan;

/// # Errors
/// Always: other processes' environments cannot be read on this system.
pub fn environment_value(_pid: i32, _name: &OsStr) -> io::Result<Option<OsString>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: other processes' environments cannot be read on this system.
pub fn has_cookie(_pid: i32, _cookie: &Cookie) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: other processes' environments cannot be read on this system.
pub fn with_cookie(_cookie: &Cookie) -> io::Result<Scan<i32>> {
    Err(io::ErrorKind::Unsupported.into())
}
