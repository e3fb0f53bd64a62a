//! Records of what was done, what would be done, and what was refused.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::account::{StepAccount, UsageSnapshot, difference};
use crate::alert::level::Level;
use backstop_core::monitor::FindingKind;
use backstop_core::resource::Footprint;

/// The record of a remedy that acted.
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
    /// Usage before.
    pub before: UsageSnapshot,
    /// Usage after.
    pub after: UsageSnapshot,
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
    /// The program requested it.
    Asked,
    /// An alert.
    Alert {
        /// The level.
        level: Level,
        /// The kind of finding.
        kind: FindingKind,
        /// Its subject.
        subject: String,
    },
}

/// Why a remedy did not act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemedyRefused {
    /// It acted recently and must wait.
    #[error("it acted recently and is available again in {0:.0?}")]
    Resting(Duration),
    /// A remedy is running, and this one may have been requested by it.
    #[error("another remedy is running")]
    Busy,
    /// It has not returned yet, or no thread was available.
    #[error("no result: {0}")]
    NoAccount(String),
}

/// What a remedy would do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemedyRehearsal {
    /// The remedy, in words.
    pub remedy: String,
    /// How long until it may act; zero if it may now.
    pub rests: Duration,
    /// What it would do, one line each; at most [`RemedyRehearsal::LISTED`].
    pub acts: Vec<String>,
    /// Number of further acts.
    pub others: u64,
    /// What it would release occupies this much, as far as known.
    pub footprint: Footprint,
}

impl RemedyRehearsal {
    /// The maximum number of acts listed.
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
