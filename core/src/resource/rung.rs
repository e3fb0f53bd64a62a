//! The rungs of the release ladder.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Deadline;

/// How forcefully a release is attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// As its owner would: close, quit, `SIGTERM` to the process itself, a stop token.
    Ask,
    /// With everything that still lets it finish: `SIGTERM` to the tree, interrupt, roll back.
    Insist,
    /// Forcefully: `SIGKILL` to the tree, drop.
    Force,
}

impl Rung {
    /// All rungs, least forceful first.
    pub const ALL: [Self; 3] = [Self::Ask, Self::Insist, Self::Force];
}

impl fmt::Display for Rung {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Ask => "ask",
            Self::Insist => "insist",
            Self::Force => "force",
        })
    }
}

/// One call of [`TrackedResource::release`](super::TrackedResource::release).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Step {
    /// How forcefully to release.
    pub rung: Rung,
    /// When the ladder stops waiting for this rung.
    pub deadline: Deadline,
}

impl Step {
    /// One call on `rung`, to end by `deadline`.
    #[must_use]
    pub fn new(rung: Rung, deadline: Deadline) -> Self {
        Self { rung, deadline }
    }
}

/// The result of a release that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// It was released; the ladder verifies immediately.
    Done,
    /// The release is under way; the ladder verifies until the rung's deadline.
    Pending,
}
