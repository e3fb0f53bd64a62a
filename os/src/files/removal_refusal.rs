//! Why something was not removed.

use std::io;

use crate::identity::FileIdentity;

/// Why an entry is not the one to remove, or cannot be proven to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemovalRefusal {
    /// The name refers to a different file than the recorded one.
    #[error("another file has this name: inode {} was recorded, inode {} was found ({left})", expected.inode, found.inode)]
    Different {
        /// What was recorded.
        expected: Box<FileIdentity>,
        /// What was found.
        found: Box<FileIdentity>,
        /// Where it is now.
        left: Left,
    },
    /// The recorded or the found identity has no file handle, so it cannot be distinguished from a
    /// successor.
    #[error("the file system provides no handle to distinguish this file from a successor")]
    Unprovable,
    /// It belongs to another user.
    #[error("it belongs to user {owner}")]
    ForeignOwner {
        /// The user.
        owner: u32,
    },
    /// Something is mounted on it.
    #[error("something is mounted on it")]
    MountPoint,
    /// Another sweep is using the quarantine.
    #[error("another sweep uses the quarantine")]
    Busy,
    /// The system refused a step.
    #[error("could not {step}")]
    System {
        /// What was attempted.
        step: &'static str,
        /// The system's error.
        source: io::Error,
    },
}

/// Where a refused entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Left {
    /// In its place; it was not moved.
    Untouched,
    /// In its place again, after it was in the quarantine for a moment.
    PutBack,
    /// In the quarantine's `disputed` directory, because its name was taken in the meantime.
    Disputed,
}

impl std::fmt::Display for Left {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Untouched => "left untouched",
            Self::PutBack => "put back",
            Self::Disputed => "kept in the quarantine: its name is in use again",
        })
    }
}
