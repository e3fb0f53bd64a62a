//! Before and after.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use backstop_core::release::{Backstop, CallError, within};
use backstop_core::resource::{Bytes, Deadline};
use backstop_os::{descriptors, process_table};

/// What this process has at one moment. What could not be told is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// Resident memory.
    pub resident: Option<Bytes>,
    /// File descriptors.
    pub handles: Option<u64>,
    /// Resources that are open.
    pub live: u64,
}

/// One step of a remedy, with what there was before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepAccount {
    /// What was done.
    pub name: String,
    /// Before it.
    pub before: Measure,
    /// After it.
    pub after: Measure,
    /// How long it took.
    pub took: Duration,
    /// What it came to.
    pub outcome: StepOutcome,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StepOutcome {
    /// It was done; in its own words.
    Done(String),
    /// It failed, panicked or hung. The steps after it were taken all the same.
    Failed(String),
}

impl Measure {
    /// As it is now. Some ten microseconds, and a look at each open resource.
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
    /// Takes a step on a watched thread, and waits for it so long.
    pub(super) fn take(
        name: impl Into<String>,
        backstop: Backstop,
        patience: Duration,
        step: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> Self {
        let before = Measure::of(&backstop);
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
            after: Measure::of(&backstop),
            took: start.elapsed(),
            outcome,
        }
    }

    /// Whether it was done.
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
pub(super) fn difference(before: &Measure, after: &Measure) -> String {
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
