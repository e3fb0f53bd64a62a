//! An open file that can be closed from outside while its user has it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::resource::Deadline;
use parking_lot::Mutex;

use crate::error;
use crate::handle_limit::Permit;
use crate::quota::Membership;

/// An open file with its place under a handle limit, and the quota to which its bytes count.
#[derive(Debug)]
pub(crate) struct HeldFile {
    path: PathBuf,
    /// Locked for each operation, so that nobody closes it under its user.
    file: Mutex<Option<(File, Permit)>>,
    membership: Option<Membership>,
}

/// Reads and writes a held file, under its quota if it has one.
///
/// Any number of them share the file's one position. Each call locks the file, so that a release from
/// outside waits until the call has ended; the next one is then answered with an error.
#[derive(Debug)]
pub struct Access<'a>(&'a HeldFile);

impl HeldFile {
    pub(crate) fn new(
        path: PathBuf,
        file: File,
        permit: Permit,
        membership: Option<Membership>,
    ) -> Self {
        Self {
            path,
            file: Mutex::new(Some((file, permit))),
            membership,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn access(&self) -> Access<'_> {
        Access(self)
    }

    /// Uses the file itself, past its quota.
    ///
    /// # Errors
    /// It was closed before this use.
    pub(crate) fn with<T>(&self, body: impl FnOnce(&File) -> T) -> Result<T, Error> {
        match &*self.file.lock() {
            Some((file, _)) => Ok(body(file)),
            None => Err(error::revoked(&self.path)),
        }
    }

    /// Closes it, once its user is done.
    ///
    /// # Errors
    /// It is in use until the deadline.
    pub(crate) fn close(&self, deadline: Deadline) -> Result<(), Error> {
        match self.file.try_lock_until(deadline.instant()) {
            Some(mut held) => {
                drop(held.take());
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Held, Stage::Release, "it is in use")
                .with("path", self.path.display())),
        }
    }

    /// Takes the file for its last use, and gives its place under the limit back with it.
    pub(crate) fn finish<T>(
        &self,
        body: impl FnOnce(&File) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut held = self.file.lock();
        let Some((file, _)) = &*held else {
            return Err(error::revoked(&self.path));
        };
        let value = body(file)?;
        drop(held.take());
        Ok(value)
    }

    pub(crate) fn is_closed(&self) -> Option<bool> {
        self.file.try_lock().map(|held| held.is_none())
    }

    fn operate<T>(&self, body: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        self.with(body)
            .unwrap_or_else(|error| Err(io::Error::new(io::ErrorKind::NotConnected, error)))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let Some(membership) = &self.membership else {
            return self.operate(|mut file| file.write(bytes));
        };
        self.operate(|mut file| {
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
}

impl Access<'_> {
    /// Uses the file itself, for what reading and writing do not cover. Bytes written so are seen by a
    /// quota at its next count only.
    ///
    /// # Errors
    /// It was released before this use.
    pub fn with<T>(&self, body: impl FnOnce(&File) -> T) -> Result<T, Error> {
        self.0.with(body)
    }
}

impl Read for Access<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.operate(|mut file| file.read(buffer))
    }
}

impl Write for Access<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.operate(|mut file| file.flush())
    }
}

impl Seek for Access<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.operate(|mut file| file.seek(position))
    }
}
