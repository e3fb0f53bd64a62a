//! Why something was not removed.

use std::io;

use crate::identity::FileIdentity;

/// Why an entry is not the one to remove, or cannot be proven to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The name stands for another file than the recorded one.
    #[error("another file has this name: inode {} was recorded, inode {} was found ({left})", expected.inode, found.inode)]
    Different {
        /// What was recorded.
        expected: Box<FileIdentity>,
        /// What was found.
        found: Box<FileIdentity>,
        /// Where it stands now.
        left: Left,
    },
    /// The recorded or the found identity has no file handle, so that a successor looks the same.
    #[error("the file system gives no handle that would tell this file from a successor")]
    Unprovable,
    /// It belongs to somebody else.
    #[error("it belongs to user {owner}")]
    ForeignOwner {
        /// The user.
        owner: u32,
    },
    /// Something is mounted on it.
    #[error("something is mounted on it")]
    MountPoint,
    /// Another sweep uses the quarantine now.
    #[error("another sweep uses the quarantine")]
    Busy,
    /// The system refused a step.
    #[error("could not {step}")]
    System {
        /// What was to be done.
        step: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

/// Where a refused entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Left {
    /// Where it was; it was not moved.
    Untouched,
    /// Where it was, after a moment in the quarantine.
    PutBack,
    /// In the quarantine's `disputed` directory, because its old name was taken meanwhile.
    Disputed,
}

impl std::fmt::Display for Left {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Untouched => "left untouched",
            Self::PutBack => "put back",
            Self::Disputed => "kept in the quarantine: its name was taken",
        })
    }
}
