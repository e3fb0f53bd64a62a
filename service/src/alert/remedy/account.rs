//! Usage before and after a step.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use backstop_core::release::{Backstop, CallError, within};
use backstop_core::resource::{Bytes, Deadline};
use backstop_os::{descriptors, process_table};

/// The usage of this process at one moment. A figure that could not be read is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct UsageSnapshot {
    /// Resident memory.
    pub resident: Option<Bytes>,
    /// File descriptors.
    pub handles: Option<u64>,
    /// Open resources.
    pub live: u64,
}

/// One step of a remedy, with the usage before and after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepAccount {
    /// What was done.
    pub name: String,
    /// Before it.
    pub before: UsageSnapshot,
    /// After it.
    pub after: UsageSnapshot,
    /// How long it took.
    pub took: Duration,
    /// The outcome.
    pub outcome: StepOutcome,
}

/// The outcome of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StepOutcome {
    /// It succeeded; its own message.
    Done(String),
    /// It failed, panicked or hung. The following steps were run nevertheless.
    Failed(String),
}

impl UsageSnapshot {
    /// The current usage. Takes some ten microseconds, plus a visit to each open resource.
    #[must_use]
    pub fn of(backstop: &Backstop) -> Self {
        let own = i32::try_from(std::process::id()).ok();
        let stat = own.and_then(|pid| process_table::stat(pid).ok());
        let kinds = backstop.statistics().kinds;
        Self {
            resident: stat.map(|stat| Bytes(stat.resident_bytes)),
            handles: descriptors::open().ok(),
            live: kinds.values().map(|kind| kind.live).sum(),
        }
    }
}

impl StepAccount {
    /// Runs a step on a thread with a time limit, and waits for it that long.
    pub(super) fn take(
        name: impl Into<String>,
        backstop: Backstop,
        patience: Duration,
        step: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> Self {
        let before = UsageSnapshot::of(&backstop);
        let start = Instant::now();
        let outcome = match within(Deadline::after(patience), step) {
            Ok(Ok(done)) => StepOutcome::Done(done),
            Ok(Err(reason)) => StepOutcome::Failed(reason),
            Err(CallError::Hung) => {
                StepOutcome::Failed(format!("did not return within {patience:?}"))
            }
            Err(error) => StepOutcome::Failed(error.to_string()),
        };
        Self {
            name: name.into(),
            before,
            after: UsageSnapshot::of(&backstop),
            took: start.elapsed(),
            outcome,
        }
    }

    /// Whether it succeeded.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.outcome, StepOutcome::Done(_))
    }
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(done) => formatter.write_str(done),
            Self::Failed(reason) => write!(formatter, "failed: {reason}"),
        }
    }
}

/// `812.0 MB → 640.0 MB, 210 → 190 handles, 31 → 12 resources`.
pub(super) fn difference(before: &UsageSnapshot, after: &UsageSnapshot) -> String {
    let mut parts = Vec::new();
    if let (Some(before), Some(after)) = (before.resident, after.resident) {
        parts.push(format!("{before} → {after}"));
    }
    if let (Some(before), Some(after)) = (before.handles, after.handles) {
        parts.push(format!("{before} → {after} handles"));
    }
    parts.push(format!("{} → {} resources", before.live, after.live));
    parts.join(", ")
}

impl fmt::Display for StepAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {} ({}, {:.1?})",
            self.name,
            self.outcome,
            difference(&self.before, &self.after),
            self.took
        )
    }
}
