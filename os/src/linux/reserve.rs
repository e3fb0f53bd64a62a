//! Reserving a file's space before it is used.

use std::fs::File;
use std::io;

use rustix::fs::{FallocateFlags, fallocate};

/// Makes the file at least `offset + length` bytes long and allocates the space, so that a later
/// store through a mapping cannot find the disk full.
///
/// # Errors
/// The disk or the quota is full. On a file system that cannot reserve space only the length is
/// set, because `posix_fallocate` would emulate it at a cost.
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
