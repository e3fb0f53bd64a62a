//! What a monitor costs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::readings::Readings;
use super::seconds;

/// What a monitor has cost since it began, so that the watcher is watched too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct MonitorCost {
    /// How many samples it has taken.
    pub samples: u64,
    /// How many of them were late, by more than half an interval.
    pub late: u64,
    /// Time on a processor, for samples and findings.
    #[serde(rename = "cpu_seconds", with = "seconds")]
    pub cpu: Duration,
    /// Time on a processor that observers took, which is not in `cpu`.
    #[serde(rename = "observers_cpu_seconds", with = "seconds")]
    pub observers_cpu: Duration,
    /// The sample that took longest, by the clock on the wall.
    #[serde(rename = "longest_seconds", with = "seconds")]
    pub longest: Duration,
    /// How often each expensive reading was taken, and left out because it was over its budget.
    #[serde(default)]
    pub readings: Readings,
    /// Observers that panicked, and get nothing since.
    pub observers_lost: u64,
    /// After how long the next sample is due.
    #[serde(rename = "interval_seconds", with = "seconds")]
    pub interval: Duration,
    /// How long it has watched, awake.
    #[serde(rename = "watched_seconds", with = "seconds")]
    pub watched: Duration,
}

impl MonitorCost {
    /// The share of one processor that samples and findings took, from 0 to 1; `None` before any time
    /// has passed.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let watched = self.watched.as_secs_f64();
        (watched > 0.0).then(|| self.cpu.as_secs_f64() / watched)
    }
}
