//! The verdict on an orphan, with its reasons.

use serde::Serialize;

/// A verdict with its reasons, before anything is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
#[must_use]
pub enum Judgement {
    /// It is proven to be the recorded one and to have no owner.
    Reclaim {
        /// The rule by which it is reclaimed.
        rule: String,
        /// What proves that it is the recorded one.
        evidence: Vec<String>,
        /// What would be done.
        act: String,
    },
    /// It no longer exists.
    Gone {
        /// What shows that.
        evidence: String,
    },
    /// It is left alone.
    Keep {
        /// Why.
        reason: String,
        /// Who holds it, where that is known.
        holder: Option<String>,
    },
}

impl Judgement {
    /// Left alone, for `reason`.
    pub fn keep(reason: impl Into<String>) -> Self {
        Self::Keep {
            reason: reason.into(),
            holder: None,
        }
    }

    /// Gone, as `evidence` shows.
    pub fn gone(evidence: impl Into<String>) -> Self {
        Self::Gone {
            evidence: evidence.into(),
        }
    }

    /// Whether something would be done.
    #[must_use]
    pub fn acts(&self) -> bool {
        matches!(self, Self::Reclaim { .. })
    }
}
