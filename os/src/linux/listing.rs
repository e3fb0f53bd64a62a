//! Reads the names in a directory, a buffer at a time.

use std::collections::VecDeque;
use std::ffi::{CString, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;

use super::status;
use crate::files::{DirectoryEntry, FileKind};

/// Room for about a thousand names in one call.
pub(super) const BUFFER: usize = 32 * 1024;

/// One name in the listing of a directory.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) name: CString,
    /// Where the listing continues after this name.
    pub(super) next: u64,
    pub(super) hint: Option<FileKind>,
}

/// Reads the next names; `false` at the end.
pub(super) fn read_some(
    directory: BorrowedFd<'_>,
    buffer: &mut [MaybeUninit<u8>],
    names: &mut VecDeque<Listed>,
) -> rustix::io::Result<bool> {
    let mut raw = RawDir::new(directory, buffer);
    loop {
        match raw.next() {
            None => return Ok(false),
            // A directory that was removed in the meantime has no names.
            Some(Err(Errno::NOENT)) => return Ok(false),
            Some(Err(error)) => return Err(error),
            Some(Ok(entry)) => {
                let name = entry.file_name();
                if name != c"." && name != c".." {
                    names.push_back(Listed {
                        name: name.to_owned(),
                        next: entry.next_entry_cookie(),
                        hint: match entry.file_type() {
                            FileType::Unknown => None,
                            known => Some(status::kind(known)),
                        },
                    });
                }
            }
        }
        if raw.is_buffer_empty() {
            return Ok(true);
        }
    }
}

/// The entries of a directory, read on demand; entries created or removed in the meantime may be
/// included or not.
#[derive(Debug)]
pub struct Entries {
    directory: OwnedFd,
    buffer: Box<[MaybeUninit<u8>]>,
    names: VecDeque<Listed>,
    ended: bool,
}

impl Entries {
    /// Lists `directory`, which must be a separate open file, because its position changes.
    pub(super) fn new(directory: OwnedFd) -> Self {
        Self {
            directory,
            buffer: Box::new_uninit_slice(BUFFER),
            names: VecDeque::new(),
            ended: false,
        }
    }
}

impl Iterator for Entries {
    type Item = io::Result<DirectoryEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        use std::os::fd::AsFd;
        while self.names.is_empty() && !self.ended {
            match read_some(self.directory.as_fd(), &mut self.buffer, &mut self.names) {
                Ok(more) => self.ended = !more,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error.into()));
                }
            }
        }
        let listed = self.names.pop_front()?;
        Some(Ok(DirectoryEntry {
            name: OsString::from_vec(listed.name.into_bytes()),
            hint: listed.hint,
        }))
    }
}
