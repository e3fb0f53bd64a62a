//! The outcome and the record of a release.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::policy::Reason;
use crate::resource::{Kind, ResourceId, Rung, Site};

/// The outcome of a release. "The call returned Ok" is none of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
#[non_exhaustive]
pub enum Outcome {
    /// A probe confirmed that it is gone.
    Released,
    /// The release succeeded, and no probe can confirm that it is gone.
    ReleasedUnverified {
        /// Why it cannot be confirmed.
        reason: String,
    },
    /// It still exists, or its release never returned.
    Stuck {
        /// Who holds it, where that is known.
        holder: Option<String>,
        /// Why the last rung failed.
        reason: String,
    },
}

impl Outcome {
    /// Whether it was released, verified or not.
    #[must_use]
    pub fn is_released(&self) -> bool {
        !self.is_stuck()
    }

    /// Whether it still exists.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        matches!(self, Self::Stuck { .. })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Released => formatter.write_str("released"),
            Self::ReleasedUnverified { reason } => {
                write!(formatter, "released-unverified ({reason})")
            }
            Self::Stuck {
                holder: Some(holder),
                reason,
            } => write!(formatter, "stuck (holder {holder}: {reason})"),
            Self::Stuck {
                holder: None,
                reason,
            } => write!(formatter, "stuck ({reason})"),
        }
    }
}

/// What began a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The guard was dropped.
    Dropped,
    /// The guard was dropped while its thread was panicking.
    Panicked,
    /// The program called `release`, `release_all` or `release_kind`.
    Asked,
    /// Its scope ended.
    ScopeEnded,
    /// The resource it belongs to was released.
    ParentReleased,
    /// Its policy required it.
    Policy(Reason),
    /// A pool evicted it.
    PoolEvicted,
    /// A remedy released it, because of an alert.
    Remedy,
    /// A signal ended the program.
    Signal(i32),
    /// The program ended.
    Exit,
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped => formatter.write_str("dropped"),
            Self::Panicked => formatter.write_str("dropped in a panic"),
            Self::Asked => formatter.write_str("asked"),
            Self::ScopeEnded => formatter.write_str("scope ended"),
            Self::ParentReleased => formatter.write_str("parent released"),
            Self::Policy(reason) => write!(formatter, "policy: {reason}"),
            Self::PoolEvicted => formatter.write_str("pool evicted"),
            Self::Remedy => formatter.write_str("remedy"),
            Self::Signal(signal) => write!(formatter, "signal {signal}"),
            Self::Exit => formatter.write_str("exit"),
        }
    }
}

/// The record of one release.
#[derive(Debug, Clone)]
#[must_use = "a release can be stuck"]
pub struct Release {
    /// Which resource; `None` if it was untracked.
    pub id: Option<ResourceId>,
    /// What it was.
    pub kind: Kind,
    /// Which one.
    pub label: String,
    /// Where it was opened.
    pub site: Site,
    /// What began the release.
    pub cause: Cause,
    /// Its outcome.
    pub outcome: Outcome,
    /// The last rung that was needed.
    pub rung: Rung,
    /// How often a rung was called.
    pub attempts: u32,
    /// How long it took.
    pub took: Duration,
    /// What went wrong on the way, in order.
    pub errors: Vec<String>,
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {}: {} by {} in {:.1?}",
            self.kind, self.label, self.outcome, self.rung, self.took
        )?;
        for error in &self.errors {
            write!(formatter, "; {error}")?;
        }
        Ok(())
    }
}
