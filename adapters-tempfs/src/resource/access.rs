//! Access to an open file whose writes count against a quota.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use backstop_core::error::Error;
use backstop_core::place::HeldFile;

use crate::HandlePermit;
use crate::quota::Membership;

/// An open file with its place under a handle limit.
pub(crate) type LimitedFile = HeldFile<HandlePermit>;

/// Reads and writes an open file, within its quota if it has one.
///
/// All accesses share one file position. Each call locks the file: a release from outside waits until the
/// call has returned, and the next call returns an error.
#[derive(Debug)]
pub struct LimitedAccess<'a> {
    file: &'a LimitedFile,
    membership: Option<&'a Membership>,
}

impl<'a> LimitedAccess<'a> {
    pub(crate) fn new(file: &'a LimitedFile, membership: Option<&'a Membership>) -> Self {
        Self { file, membership }
    }

    /// Uses the file itself, for operations other than reading and writing. A quota sees bytes that are
    /// written this way only at its next count.
    ///
    /// # Errors
    /// It was released before this use.
    pub fn with<T>(&self, body: impl FnOnce(&File) -> T) -> Result<T, Error> {
        self.file.with(body)
    }
}

impl Read for LimitedAccess<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.access().read(buffer)
    }
}

impl Write for LimitedAccess<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(membership) = self.membership else {
            return self.file.access().write(bytes);
        };
        self.file.operate(|mut file| {
            let length = file.metadata()?.len();
            let end = file.stream_position()?.saturating_add(bytes.len() as u64);
            // Before writing: bytes beyond the quota must not reach the disk.
            let charge = membership
                .charge(end.saturating_sub(length))
                .map_err(|error| io::Error::new(io::ErrorKind::QuotaExceeded, error))?;
            let written = file.write(bytes);
            let grown = file
                .metadata()
                .map_or(0, |now| now.len().saturating_sub(length));
            charge.settle(grown);
            written
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.access().flush()
    }
}

impl Seek for LimitedAccess<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.access().seek(position)
    }
}
