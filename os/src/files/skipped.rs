//! What a walk left alone, and why.

use std::fmt;
use std::path::PathBuf;

/// An entry that was left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where, relative to the directory in which the walk began.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why an entry was left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// Something is mounted on it.
    MountPoint,
    /// It belongs to this user, who is not us.
    ForeignOwner(u32),
    /// Somebody holds a BSD lock on it.
    Locked,
    /// Whether somebody holds a lock on it could not be found out, for the system's reason (errno).
    LockUnknown(i32),
    /// A socket of this name is bound.
    LiveSocket,
    /// It is a device.
    Device,
    /// It is a file with the sticky bit.
    Sticky,
    /// It changed its kind again and again while it was looked at.
    Changing,
    /// The system refused (errno).
    Failed(i32),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let system = std::io::Error::from_raw_os_error;
        match self {
            Self::MountPoint => formatter.write_str("something is mounted on it"),
            Self::ForeignOwner(owner) => write!(formatter, "it belongs to user {owner}"),
            Self::Locked => formatter.write_str("somebody holds a lock on it"),
            Self::LockUnknown(errno) => {
                write!(formatter, "its lock cannot be tried: {}", system(*errno))
            }
            Self::LiveSocket => formatter.write_str("a socket of this name is bound"),
            Self::Device => formatter.write_str("it is a device"),
            Self::Sticky => formatter.write_str("it is a file with the sticky bit"),
            Self::Changing => formatter.write_str("it changes while it is looked at"),
            Self::Failed(errno) => write!(formatter, "the system refused: {}", system(*errno)),
        }
    }
}

/// Skipped entries: the first ones listed, all of them counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkippedList {
    listed: Vec<Skipped>,
    total: u64,
}

impl SkippedList {
    /// The first entries that were skipped.
    #[must_use]
    pub fn listed(&self) -> &[Skipped] {
        &self.listed
    }

    /// How many were skipped, listed or not.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Counts one more, and lists what `skipped` gives while fewer than `most` are listed.
    pub fn add(&mut self, most: usize, skipped: impl FnOnce() -> Skipped) {
        self.total += 1;
        if self.listed.len() < most {
            self.listed.push(skipped());
        }
    }

    /// Adds what another walk skipped, listing no more than `most`.
    pub fn absorb(&mut self, most: usize, other: Self) {
        self.total += other.total;
        let room = most.saturating_sub(self.listed.len());
        self.listed.extend(other.listed.into_iter().take(room));
    }
}
