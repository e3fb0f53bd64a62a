//! Writes at an offset in a file.

use std::fs::File;
use std::io;

/// # Errors
/// Always: not supported on this system.
pub fn write_all_at(_file: &File, _bytes: &[u8], _offset: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
