//! The resources of this family, and the releases of earlier ones.

use std::collections::BTreeMap;
use std::time::Duration;

use backstop_core::release::{Backstop, KindStatistics, Outcome, Release};
use serde::Serialize;

use crate::thread::{ThreadView, orphaned, workers};
use crate::timer::{TimerView, timers};

/// The resources of this family, and the releases of earlier ones.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// Counts by kind, of this [`Backstop`].
    pub kinds: BTreeMap<&'static str, KindStatistics>,
    /// The most recent releases of this [`Backstop`], the oldest first.
    pub history: Vec<PastRelease>,
    /// Releases of any kind that were dropped from the bounded history.
    pub history_dropped: u64,
    /// Running threads of this process.
    pub threads: Vec<ThreadView>,
    /// Those of them that are stuck: their release failed.
    pub orphaned: Vec<ThreadView>,
    /// Active timers of this process.
    pub timers: Vec<TimerView>,
}

/// A completed release.
#[derive(Debug, Clone, Serialize)]
pub struct PastRelease {
    /// Its kind.
    pub kind: &'static str,
    /// Its label.
    pub label: String,
    /// Where it was opened.
    pub site: String,
    /// What caused the release.
    pub cause: String,
    /// Its outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The last rung that was needed.
    pub rung: String,
    /// How long it took.
    pub took: Duration,
    /// Errors on the way.
    pub errors: Vec<String>,
}

impl Overview {
    /// A snapshot of the current state. Threads and timers are those of the whole process, whichever
    /// [`Backstop`] tracks them.
    #[must_use]
    pub fn of(backstop: &Backstop) -> Self {
        let statistics = backstop.statistics();
        let mut kinds = statistics.kinds;
        kinds.retain(|kind, _| kind.starts_with("process."));
        let history = backstop.history();
        let own = history
            .into_iter()
            .filter(|release| release.kind.family() == "process");
        Self {
            kinds,
            history: own.map(PastRelease::of).collect(),
            history_dropped: statistics.dropped,
            threads: workers(),
            orphaned: orphaned(),
            timers: timers(),
        }
    }
}

impl PastRelease {
    fn of(release: Release) -> Self {
        Self {
            kind: release.kind.name(),
            label: release.label,
            site: release.site.to_string(),
            cause: release.cause.to_string(),
            outcome: release.outcome,
            rung: release.rung.to_string(),
            took: release.took,
            errors: release.errors,
        }
    }
}
