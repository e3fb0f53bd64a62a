//! The verdict of a policy.

use std::fmt;
use std::time::Duration;

/// The verdict of a policy on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Keep it.
    Keep,
    /// Release it, for this reason.
    Release(Reason),
}

/// Why a policy releases a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It is older than this.
    OverLifetime {
        /// The limit.
        limit: Duration,
    },
    /// It was not touched for longer than this.
    Idle {
        /// The limit.
        limit: Duration,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OverLifetime { limit } => write!(formatter, "older than {limit:?}"),
            Self::Idle { limit } => write!(formatter, "not touched for {limit:?}"),
        }
    }
}
