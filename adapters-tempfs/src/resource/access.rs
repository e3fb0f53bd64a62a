//! An open file whose writes count to a quota.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use backstop_core::error::Error;
use backstop_core::place::HeldFile;

use crate::HandlePermit;
use crate::quota::Membership;

/// An open file with its place under a handle limit.
pub(crate) type LimitedFile = HeldFile<HandlePermit>;

/// Reads and writes a held file, under its quota if it has one.
///
/// All of them share the file's one position. Each call locks the file, so that a release from outside
/// waits until the call has ended; the next call returns an error.
#[derive(Debug)]
pub struct Access<'a> {
    file: &'a LimitedFile,
    membership: Option<&'a Membership>,
}

impl<'a> Access<'a> {
    pub(crate) fn new(file: &'a LimitedFile, membership: Option<&'a Membership>) -> Self {
        Self { file, membership }
    }

    /// Uses the file itself, for what reading and writing do not cover. Bytes written so are seen by a
    /// quota at its next count only.
    ///
    /// # Errors
    /// It was released before this use.
    pub fn with<T>(&self, body: impl FnOnce(&File) -> T) -> Result<T, Error> {
        self.file.with(body)
    }
}

impl Read for Access<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.access().read(buffer)
    }
}

impl Write for Access<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(membership) = self.membership else {
            return self.file.access().write(bytes);
        };
        self.file.operate(|mut file| {
            let length = file.metadata()?.len();
            let end = file.stream_position()?.saturating_add(bytes.len() as u64);
            // Before writing: what is over the quota must not reach the disk first.
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

impl Seek for Access<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.access().seek(position)
    }
}
