//! The rungs of the release ladder.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Deadline;

/// How hard a release tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// As its owner would: close, quit, `SIGTERM` to the one, a stop token.
    Ask,
    /// With all that still lets it finish: `SIGTERM` to the tree, interrupt, roll back.
    Insist,
    /// Whatever ends it: `SIGKILL` to the tree, drop.
    Force,
}

impl Rung {
    /// All rungs, gentlest first.
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

/// One call to [`TrackedResource::release`](super::TrackedResource::release).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Step {
    /// How hard to try.
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

/// What a release that did not fail achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// It let go; the ladder verifies at once.
    Done,
    /// It was asked to go and will; the ladder verifies until the rung's deadline.
    Pending,
}
