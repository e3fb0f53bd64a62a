//! What was done, what would be done, and what was not.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::account::{Measure, StepAccount, difference};
use crate::alert::level::Level;
use backstop_core::monitor::FindingKind;
use backstop_core::resource::Footprint;

/// The account of a remedy that acted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RemedyRecord {
    /// Its number among all that acted, from 1.
    pub serial: u64,
    /// The remedy, in words.
    pub remedy: String,
    /// Why it acted.
    pub trigger: RemedyTrigger,
    /// When.
    pub at: Timestamp,
    /// What there was before.
    pub before: Measure,
    /// What there was after.
    pub after: Measure,
    /// How long it took.
    pub took: Duration,
    /// Its steps, in order.
    pub steps: Vec<StepAccount>,
}

/// Why a remedy acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RemedyTrigger {
    /// The program asked.
    Asked,
    /// An alert.
    Alert {
        /// How loud.
        level: Level,
        /// Of what.
        kind: FindingKind,
        /// Of which.
        subject: String,
    },
}

/// Why a remedy did not act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemedyRefused {
    /// It acted too short a time ago.
    #[error("it acted a short time ago and rests for another {0:.0?}")]
    Resting(Duration),
    /// A remedy is acting, and this one may come from within it.
    #[error("another remedy is acting")]
    Busy,
    /// It has not returned yet, or found no thread.
    #[error("no account of it: {0}")]
    NoAccount(String),
}

/// What a remedy would do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// The remedy, in words.
    pub remedy: String,
    /// How long it would rest before it acts; zero is not at all.
    pub rests: Duration,
    /// What it would do, each in a line; at most [`Rehearsal::LISTED`].
    pub acts: Vec<String>,
    /// What it would do besides.
    pub others: u64,
    /// What it would let go of occupies this much, as far as is known.
    pub footprint: Footprint,
}

impl Rehearsal {
    /// The most acts that are listed.
    pub const LISTED: usize = 100;
}

impl fmt::Display for RemedyTrigger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => formatter.write_str("asked"),
            Self::Alert {
                level,
                kind,
                subject,
            } => write!(formatter, "{level} {kind} ({subject})"),
        }
    }
}

impl fmt::Display for RemedyRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "remedy {} because of {}: {} in {:.1?}",
            self.remedy,
            self.trigger,
            difference(&self.before, &self.after),
            self.took
        )?;
        for step in &self.steps {
            write!(formatter, "; {step}")?;
        }
        Ok(())
    }
}
