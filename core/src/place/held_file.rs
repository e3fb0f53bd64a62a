//! An open file that can be closed from outside while its user has it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::error;
use crate::error::{Error, ErrorKind, Stage};
use crate::resource::Deadline;

/// An open file that a release closes under its user, and what is dropped when it is closed, such as a
/// place under a limit of open files.
#[derive(Debug)]
pub struct HeldFile<W = ()> {
    path: PathBuf,
    /// Locked for each operation, so that it is not closed under its user.
    file: Mutex<Option<(File, W)>>,
}

/// Reads and writes a held file.
///
/// All accesses share one file position. Each call locks the file: a release from outside waits until the
/// call has returned, and the next call returns an error.
#[derive(Debug)]
pub struct FileAccess<'a, W = ()>(&'a HeldFile<W>);

impl<W> HeldFile<W> {
    /// Holds `file`, and `while_open` for as long.
    #[must_use]
    pub fn new(path: PathBuf, file: File, while_open: W) -> Self {
        Self {
            path,
            file: Mutex::new(Some((file, while_open))),
        }
    }

    /// The path by which it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and writes it.
    #[must_use]
    pub fn access(&self) -> FileAccess<'_, W> {
        FileAccess(self)
    }

    /// Uses the file itself.
    ///
    /// # Errors
    /// It was closed before this use.
    pub fn with<T>(&self, body: impl FnOnce(&File) -> T) -> Result<T, Error> {
        match &*self.file.lock() {
            Some((file, _)) => Ok(body(file)),
            None => Err(error::revoked(&self.path)),
        }
    }

    /// As [`with`](Self::with), in the terms of reading and writing: of a closed file
    /// [`NotConnected`](io::ErrorKind::NotConnected).
    ///
    /// # Errors
    /// It was closed before this use, or `body` failed.
    pub fn operate<T>(&self, body: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        self.with(body)
            .unwrap_or_else(|error| Err(io::Error::new(io::ErrorKind::NotConnected, error)))
    }

    /// Closes it, once its user is done.
    ///
    /// # Errors
    /// It is in use until the deadline.
    pub fn close(&self, deadline: Deadline) -> Result<(), Error> {
        match self.file.try_lock_until(deadline.instant()) {
            Some(mut held) => {
                drop(held.take());
                Ok(())
            }
            None => Err(Error::new(ErrorKind::Held, Stage::Release, "it is in use")
                .with("path", self.path.display())),
        }
    }

    /// Closes it after a last use that succeeded.
    ///
    /// # Errors
    /// It was closed before this use, or `body` failed, and then it stays open.
    pub fn finish<T>(&self, body: impl FnOnce(&File) -> Result<T, Error>) -> Result<T, Error> {
        let mut held = self.file.lock();
        let Some((file, _)) = &*held else {
            return Err(error::revoked(&self.path));
        };
        let value = body(file)?;
        drop(held.take());
        Ok(value)
    }

    /// Whether it is closed; `None` while it is in use.
    #[must_use]
    pub fn is_closed(&self) -> Option<bool> {
        self.file.try_lock().map(|held| held.is_none())
    }
}

impl<W> FileAccess<'_, W> {
    /// Uses the file itself, for operations other than reading and writing.
    ///
    /// # Errors
    /// It was released before this use.
    pub fn with<T>(&self, body: impl FnOnce(&File) -> T) -> Result<T, Error> {
        self.0.with(body)
    }
}

impl<W> Read for FileAccess<'_, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.operate(|mut file| file.read(buffer))
    }
}

impl<W> Write for FileAccess<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.operate(|mut file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.operate(|mut file| file.flush())
    }
}

impl<W> Seek for FileAccess<'_, W> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.0.operate(|mut file| file.seek(position))
    }
}
