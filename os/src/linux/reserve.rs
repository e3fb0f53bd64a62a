//! Reserving a file's space before it is used.

use std::fs::File;
use std::io;

use rustix::fs::{FallocateFlags, fallocate};

/// Makes the file at least `offset + length` bytes long, with the space really taken, so that a later
/// store through a mapping cannot find the disk full.
///
/// # Errors
/// The disk or the quota is full. A file system that cannot reserve gets the length only, as
/// `posix_fallocate` would emulate it at a cost.
pub fn reserve(file: &File, offset: u64, length: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), offset, length) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            let end = offset + length;
            if file.metadata()?.len() < end {
                file.set_len(end)?;
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
