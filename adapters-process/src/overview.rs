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
    /// The last releases of this [`Backstop`], the oldest first.
    pub history: Vec<PastRelease>,
    /// Releases of any kind that fell out of the bounded history.
    pub history_dropped: u64,
    /// Threads that run in this process.
    pub threads: Vec<ThreadView>,
    /// Those of them whose release ended stuck.
    pub orphaned: Vec<ThreadView>,
    /// Timers that are set in this process.
    pub timers: Vec<TimerView>,
}

/// One release that has ended.
#[derive(Debug, Clone, Serialize)]
pub struct PastRelease {
    /// What it was.
    pub kind: &'static str,
    /// Which one.
    pub label: String,
    /// Where it was opened.
    pub site: String,
    /// What began the release.
    pub cause: String,
    /// Its outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The last rung that was needed.
    pub rung: String,
    /// How long it took.
    pub took: Duration,
    /// What went wrong on the way.
    pub errors: Vec<String>,
}

impl Overview {
    /// What there is now. Threads and timers are those of the whole process, because they are so
    /// whoever tracks them.
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
