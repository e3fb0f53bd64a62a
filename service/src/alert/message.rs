//! The alert that is delivered.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::level::Level;
use backstop_core::monitor::{Finding, Moment, Suggestion};
use backstop_core::text::counted;

/// A finding that crossed a threshold, as it is delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Its number among all alerts of this process, from 1.
    pub serial: u64,
    /// What changed.
    pub transition: Transition,
    /// The level. Of a resolved alert: its last level.
    pub level: Level,
    /// The finding in its current state.
    pub finding: Finding,
    /// What to do about it; empty once it was resolved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
    /// When it was decided.
    pub at: Moment,
    /// Changes of this finding since its last alert that had no alert of their own.
    pub suppressed: u64,
    /// Changes of any finding that were not and will not be reported, and alerts that this sink did
    /// not accept, since the last alert that it accepted.
    pub lost: u64,
}

/// How an alert changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Transition {
    /// It is new.
    Raised,
    /// Its level has risen.
    Worsened,
    /// Its level has fallen.
    Eased,
    /// Unchanged, and the finding still holds.
    Reminded,
    /// Its finding was cleared.
    Resolved,
}

impl Transition {
    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Worsened => "worsened",
            Self::Eased => "eased",
            Self::Reminded => "reminded",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            transition,
            level,
            finding,
            ..
        } = self;
        write!(
            formatter,
            "{level} {transition}: {} ({}): {}",
            finding.kind, finding.subject, finding.evidence.text
        )?;
        if self.suppressed > 0 {
            let updates = counted(self.suppressed, "update", "updates");
            write!(formatter, "; {updates} suppressed")?;
        }
        if self.lost > 0 {
            let updates = counted(self.lost, "update", "updates");
            write!(formatter, "; {updates} of other findings lost")?;
        }
        for suggestion in &self.suggestions {
            write!(formatter, "; suggestion: {suggestion}")?;
        }
        Ok(())
    }
}
