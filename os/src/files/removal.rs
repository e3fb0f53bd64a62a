//! What a removal did.

use std::io;

use super::SkippedList;

/// The account of one removal.
///
/// An entry that somebody else removed meanwhile counts as gone, and not as removed.
#[derive(Debug, Default)]
#[must_use = "a removal can leave entries behind and says so here"]
pub struct Removal {
    /// Names unlinked that were no directories.
    pub files: u64,
    /// Directories removed.
    pub directories: u64,
    /// Bytes on disk given back by files whose last name was unlinked; directories not counted.
    pub bytes: u64,
    /// What was left alone, and why.
    pub skipped: SkippedList,
    /// Whether the deadline ended it. What is left can be removed by another call.
    pub unfinished: bool,
    /// What made it stop before the end, if not the deadline.
    pub error: Option<io::Error>,
    /// Where the rest stands.
    pub remains: Remains,
}

/// Where the rest of an incomplete removal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Remains {
    /// Nothing is left.
    #[default]
    Nothing,
    /// Under the name it had.
    InPlace,
    /// In the quarantine, to be finished by the next call for the same name.
    InQuarantine,
    /// In the quarantine's place for what is not removed, because its old name was taken.
    Disputed,
}

impl Removal {
    /// Whether everything is gone.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.unfinished && self.error.is_none() && self.skipped.total() == 0
    }

    /// Adds what a second removal of the same name did.
    pub fn absorb(&mut self, most: usize, other: Self) {
        self.files += other.files;
        self.directories += other.directories;
        self.bytes += other.bytes;
        self.skipped.absorb(most, other.skipped);
        self.unfinished |= other.unfinished;
        self.error = self.error.take().or(other.error);
        self.remains = other.remains;
    }
}
