//! Entries that a walk skipped, and why.

use std::fmt;
use std::path::PathBuf;

/// An entry that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path, relative to the directory in which the walk started.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why an entry was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// Something is mounted on it.
    MountPoint,
    /// It belongs to this other user.
    ForeignOwner(u32),
    /// Another process holds a BSD lock on it.
    Locked,
    /// It could not be determined whether it is locked, because of this system error (errno).
    LockUnknown(i32),
    /// A socket of this name is bound.
    LiveSocket,
    /// It is a device.
    Device,
    /// It is a file with the sticky bit.
    Sticky,
    /// Its type kept changing while it was inspected.
    Changing,
    /// The system returned an error (errno).
    Failed(i32),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let system = std::io::Error::from_raw_os_error;
        match self {
            Self::MountPoint => formatter.write_str("something is mounted on it"),
            Self::ForeignOwner(owner) => write!(formatter, "it belongs to user {owner}"),
            Self::Locked => formatter.write_str("it is locked by another process"),
            Self::LockUnknown(errno) => {
                write!(formatter, "cannot test its lock: {}", system(*errno))
            }
            Self::LiveSocket => formatter.write_str("a socket of this name is bound"),
            Self::Device => formatter.write_str("it is a device"),
            Self::Sticky => formatter.write_str("it is a file with the sticky bit"),
            Self::Changing => formatter.write_str("it keeps changing while it is inspected"),
            Self::Failed(errno) => write!(formatter, "{}", system(*errno)),
        }
    }
}

/// Skipped entries: the first ones are listed, all are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkippedList {
    listed: Vec<Skipped>,
    total: u64,
}

impl SkippedList {
    /// The first skipped entries.
    #[must_use]
    pub fn listed(&self) -> &[Skipped] {
        &self.listed
    }

    /// How many were skipped, listed or not.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Counts one more, and lists the value of `skipped` while fewer than `most` are listed.
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
