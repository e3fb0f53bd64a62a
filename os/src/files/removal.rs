//! The result of a removal.

use std::io;

use super::SkippedList;

/// The result of one removal.
///
/// An entry that another process removed in the meantime counts as gone, not as removed.
#[derive(Debug, Default)]
#[must_use = "a removal can leave entries behind, which are listed here"]
pub struct Removal {
    /// Unlinked names of anything but directories.
    pub files: u64,
    /// Directories removed.
    pub directories: u64,
    /// Bytes on disk freed by files whose last name was unlinked; directories are not counted.
    pub bytes: u64,
    /// What was skipped, and why.
    pub skipped: SkippedList,
    /// Whether the deadline ended it. Another call can remove the rest.
    pub unfinished: bool,
    /// The error that stopped it early, if any.
    pub error: Option<io::Error>,
    /// Where the rest is.
    pub remains: Remains,
}

/// Where the rest of an incomplete removal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Remains {
    /// Nothing is left.
    #[default]
    Nothing,
    /// Under its original name.
    InPlace,
    /// In the quarantine, to be finished by the next call for the same name.
    InQuarantine,
    /// In the quarantine's `disputed` directory, because its name was taken in the meantime.
    Disputed,
}

impl Removal {
    /// Whether everything is gone.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.unfinished && self.error.is_none() && self.skipped.total() == 0
    }

    /// Adds the result of a second removal of the same name.
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
