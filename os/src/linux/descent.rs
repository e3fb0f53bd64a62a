//! Standing at some depth of a tree with a bounded number of open directories.
//!
//! The directories on the way down are a list and not a recursion, so that no depth overflows the
//! stack; only the innermost ones are open, so that no depth uses up the descriptors. One that was
//! closed is opened again through `..` of its child, and must then prove to be the same directory by
//! its file handle: had somebody moved the child elsewhere meanwhile, the walk ends instead of going
//! on elsewhere. The alternative, moving deep directories up to flatten the tree, needs no such check
//! but leaves a different tree behind when a walk is interrupted or must leave members alone.

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

/// The way from the directory in which a walk began to the one in which it is.
pub(super) struct Descent<'a> {
    start: BorrowedFd<'a>,
    frames: Vec<Frame>,
    /// Frames before this one are closed; those from it on are open.
    first_open: usize,
    /// How many frames are open at most.
    handles: usize,
    buffer: Box<[MaybeUninit<u8>]>,
}

/// One directory on the way.
struct Frame {
    name: CString,
    place: Place,
    names: VecDeque<Listed>,
    /// Where in the listing the walk goes on, should `names` be dropped.
    next: u64,
    ended: bool,
    notes: Notes,
}

enum Place {
    Open(OwnedFd),
    Closed(FileIdentity),
}

/// What the walk remembers about a directory it is in.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Whether a member was left alone, so that the directory cannot be removed.
    pub(super) keeps_members: bool,
    /// The mode to give back if the directory stays.
    pub(super) mode_before: Option<u32>,
    /// How often the listing was begun again.
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

    /// The directory in which the walk is.
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

    /// What is remembered about the directory in which the walk is; `None` at the start.
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

    /// Goes down into `directory`, which was opened as `name`.
    ///
    /// # Errors
    /// The outermost open directory had to be closed and its identity could not be read.
    pub(super) fn enter(&mut self, name: CString, directory: OwnedFd) -> io::Result<()> {
        if self.frames.len() - self.first_open >= self.handles {
            let frame = &mut self.frames[self.first_open];
            if let Place::Open(directory) = &frame.place {
                frame.place = Place::Closed(file_identity::of(directory.as_fd())?);
            }
            // Names are read again later: kept, they would add up over the depth.
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

    /// The next name in the directory in which the walk is; `None` at its end, and at the start.
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

    /// Begins the listing of this directory again.
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

    /// The directory that holds the one in which the walk is, and the name under which it does.
    ///
    /// # Errors
    /// It was closed, and is not where it was any more or cannot be opened.
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

    /// Goes up one directory and gives back what was remembered about the one below.
    ///
    /// # Errors
    /// As [`Descent::above`]; then the walk cannot go on.
    pub(super) fn leave(&mut self) -> io::Result<Option<(CString, Notes)>> {
        self.above()?;
        Ok(self.frames.pop().map(|frame| (frame.name, frame.notes)))
    }
}
