//! What a tree holds.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use super::SkippedList;

/// What one look through a tree found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Entries that are no directories.
    pub files: u64,
    /// Directories, the first one included.
    pub directories: u64,
    /// Bytes on disk of what has no other name outside the count; directories not counted. A file
    /// with several names counts at none of them, as unlinking one gives nothing back.
    pub bytes: u64,
    /// The member that makes the tree young.
    pub newest: Option<Newest>,
    /// What was not looked into, and why.
    pub skipped: SkippedList,
    /// Whether the deadline ended it.
    pub unfinished: bool,
    /// What made it stop before the end, if not the deadline.
    pub error: Option<io::Error>,
}

/// The youngest member of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Where, relative to the directory in which the survey began.
    pub path: PathBuf,
    /// The later of its change and its creation: what an archive unpacked a minute ago carries old
    /// change times.
    pub time: SystemTime,
}

impl Survey {
    /// Whether everything was seen. Only then does the newest member prove the tree's age.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.unfinished && self.error.is_none() && self.skipped.total() == 0
    }
}
