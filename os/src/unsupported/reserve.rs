//! Reserving a file's space before it is used.

use std::fs::File;
use std::io;

/// Makes the file at least `offset + length` bytes long; the space itself is not reserved on this
/// system.
///
/// # Errors
/// The file cannot be made longer.
pub fn reserve(file: &File, offset: u64, length: u64) -> io::Result<()> {
    let end = offset + length;
    if file.metadata()?.len() < end {
        file.set_len(end)?;
    }
    Ok(())
}
