//! What is to be done about an orphan, and why.

use serde::Serialize;

/// A verdict with its reasons, before anything is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
#[must_use]
pub enum Judgement {
    /// It is proven to be the recorded one and to have no owner.
    Reclaim {
        /// The rule by which it goes.
        rule: String,
        /// What proves that it is the recorded one.
        evidence: Vec<String>,
        /// What would be done.
        act: String,
    },
    /// It does not exist any more.
    Gone {
        /// What shows that.
        evidence: String,
    },
    /// It is left alone.
    Keep {
        /// Why.
        reason: String,
        /// Who holds it, where that can be told.
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

    /// Not there any more, as `evidence` shows.
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
