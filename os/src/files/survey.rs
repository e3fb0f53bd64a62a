//! The contents of a directory tree.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use super::SkippedList;

/// The result of one walk through a tree.
#[derive(Debug, Default)]
pub struct Survey {
    /// Entries that are not directories.
    pub files: u64,
    /// Directories, including the first one.
    pub directories: u64,
    /// Bytes on disk of files that have no other name outside the tree; directories are not
    /// counted. A file that also has names elsewhere is not counted, because unlinking it here
    /// frees nothing.
    pub bytes: u64,
    /// The most recently changed member of the tree.
    pub newest: Option<Newest>,
    /// What was skipped, and why.
    pub skipped: SkippedList,
    /// Whether the deadline ended it.
    pub unfinished: bool,
    /// The error that stopped it early, if any.
    pub error: Option<io::Error>,
}

/// The most recently changed member of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Its path, relative to the directory in which the survey started.
    pub path: PathBuf,
    /// The later of its modification and creation times: files of a just unpacked archive carry old
    /// modification times.
    pub time: SystemTime,
}

impl Survey {
    /// Whether everything was inspected. Only then does the newest member prove the tree's age.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.unfinished && self.error.is_none() && self.skipped.total() == 0
    }
}
