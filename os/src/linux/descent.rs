//! A position in a directory tree of any depth, with a bounded number of open directories.
//!
//! The directories on the way down are a list, not a recursion, so that no depth overflows the
//! stack; only the innermost ones are open, so that no depth exhausts the descriptors. A closed
//! directory is opened again through `..` of its child, and must then prove by its file handle that
//! it is the same directory: if another process moved the child in the meantime, the walk ends
//! instead of continuing elsewhere. The alternative, moving deep directories up to flatten the
//! tree, needs no such check but leaves a different tree behind when a walk is interrupted or has
//! to keep members.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{Mode, SeekFrom, openat, seek};

use super::listing::{self, Listed};
use super::{beneath, file_identity};
use crate::identity::FileIdentity;

/// The path from the directory in which a walk started to its current one.
pub(super) struct Descent<'a> {
    start: BorrowedFd<'a>,
    frames: Vec<Frame>,
    /// Frames before this one are closed; those from it on are open.
    first_open: usize,
    /// Maximum number of open frames.
    handles: usize,
    buffer: Box<[MaybeUninit<u8>]>,
}

/// One directory on the path.
struct Frame {
    name: CString,
    place: Place,
    names: VecDeque<Listed>,
    /// Where the listing continues if `names` are dropped.
    next: u64,
    ended: bool,
    notes: Notes,
}

enum Place {
    Open(OwnedFd),
    Closed(FileIdentity),
}

/// What the walk remembers about a directory that it is in.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Whether a member was kept, so that the directory cannot be removed.
    pub(super) keeps_members: bool,
    /// The mode to restore if the directory is kept.
    pub(super) mode_before: Option<u32>,
    /// How often the listing was restarted.
    pub(super) rounds: u32,
}

impl<'a> Descent<'a> {
    pub(super) fn new(start: BorrowedFd<'a>, handles: usize) -> Self {
        Self {
            start,
            frames: Vec::new(),
            first_open: 0,
            handles: handles.max(2),
            buffer: Box::new_uninit_slice(listing::BUFFER),
        }
    }

    /// How many directories below the start the walk is.
    pub(super) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// The current directory.
    pub(super) fn here(&self) -> BorrowedFd<'_> {
        match self.frames.last() {
            Some(Frame {
                place: Place::Open(directory),
                ..
            }) => directory.as_fd(),
            // The innermost frame is always open; without frames the walk is at its start.
            _ => self.start,
        }
    }

    /// The notes on the current directory; `None` at the start.
    pub(super) fn notes(&mut self) -> Option<&mut Notes> {
        self.frames.last_mut().map(|frame| &mut frame.notes)
    }

    /// Where `name` is, relative to the start.
    pub(super) fn path(&self, name: &CStr) -> PathBuf {
        let steps = self.frames.iter().map(|frame| frame.name.as_c_str());
        steps
            .chain(std::iter::once(name))
            .map(|step| OsStr::from_bytes(step.to_bytes()))
            .collect()
    }

    /// Enters `directory`, which was opened as `name`.
    ///
    /// # Errors
    /// The outermost open directory had to be closed and its identity could not be read.
    pub(super) fn enter(&mut self, name: CString, directory: OwnedFd) -> io::Result<()> {
        if self.frames.len() - self.first_open >= self.handles {
            let frame = &mut self.frames[self.first_open];
            if let Place::Open(directory) = &frame.place {
                frame.place = Place::Closed(file_identity::of(directory.as_fd())?);
            }
            // Names are read again later: keeping them at every level would add up.
            frame.ended &= frame.names.is_empty();
            frame.names = VecDeque::new();
            self.first_open += 1;
        }
        self.frames.push(Frame {
            name,
            place: Place::Open(directory),
            names: VecDeque::new(),
            next: 0,
            ended: false,
            notes: Notes::default(),
        });
        Ok(())
    }

    /// The next name in the current directory; `None` at its end, and at the start.
    pub(super) fn next_name(&mut self) -> rustix::io::Result<Option<CString>> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(None);
        };
        let Place::Open(directory) = &frame.place else {
            return Ok(None);
        };
        while frame.names.is_empty() && !frame.ended {
            let more = listing::read_some(directory.as_fd(), &mut self.buffer, &mut frame.names)?;
            frame.ended = !more;
        }
        Ok(frame.names.pop_front().map(|listed| {
            frame.next = listed.next;
            listed.name
        }))
    }

    /// Restarts the listing of this directory.
    pub(super) fn begin_again(&mut self) -> rustix::io::Result<()> {
        if let Some(frame) = self.frames.last_mut()
            && let Place::Open(directory) = &frame.place
        {
            seek(directory, SeekFrom::Start(0))?;
            frame.names.clear();
            frame.ended = false;
            frame.notes.rounds += 1;
        }
        Ok(())
    }

    /// The parent of the current directory, and the current directory's name in it.
    ///
    /// # Errors
    /// The parent was closed, and has been moved since or cannot be opened.
    pub(super) fn above(&mut self) -> io::Result<(BorrowedFd<'_>, &CStr)> {
        let depth = self.frames.len();
        if depth >= 2 && self.first_open > depth - 2 {
            let upper = openat(self.here(), c"..", beneath::DIRECTORY, Mode::empty())?;
            let frame = &mut self.frames[depth - 2];
            if let Place::Closed(identity) = &frame.place {
                if file_identity::of(upper.as_fd())? != *identity {
                    return Err(io::Error::other(
                        "a directory was moved while the walk was in it",
                    ));
                }
                if !frame.ended {
                    seek(&upper, SeekFrom::Start(frame.next))?;
                }
                frame.place = Place::Open(upper);
            }
            self.first_open = depth - 2;
        }
        let above = match depth.checked_sub(2).map(|upper| &self.frames[upper].place) {
            Some(Place::Open(directory)) => directory.as_fd(),
            _ => self.start,
        };
        let name = self.frames.last().map_or(c"", |frame| &frame.name);
        Ok((above, name))
    }

    /// Goes up one directory and returns the notes on the one below.
    ///
    /// # Errors
    /// As [`Descent::above`]; the walk cannot continue then.
    pub(super) fn leave(&mut self) -> io::Result<Option<(CString, Notes)>> {
        self.above()?;
        Ok(self.frames.pop().map(|frame| (frame.name, frame.notes)))
    }
}
