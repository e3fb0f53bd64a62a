//! The cost of a monitor.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::readings::Readings;
use super::seconds;

/// The cost of a monitor since it started, so that the monitor itself is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct MonitorCost {
    /// How many samples it has taken.
    pub samples: u64,
    /// How many of them were late, by more than half an interval.
    pub late: u64,
    /// Processor time for samples and findings.
    #[serde(rename = "cpu_seconds", with = "seconds")]
    pub cpu: Duration,
    /// Processor time used by observers, which is not included in `cpu`.
    #[serde(rename = "observers_cpu_seconds", with = "seconds")]
    pub observers_cpu: Duration,
    /// The longest sample, by wall-clock time.
    #[serde(rename = "longest_seconds", with = "seconds")]
    pub longest: Duration,
    /// How often each expensive reading was taken, and left out because it was over its budget.
    #[serde(default)]
    pub readings: Readings,
    /// Observers that panicked, and get nothing since.
    pub observers_lost: u64,
    /// The time until the next sample.
    #[serde(rename = "interval_seconds", with = "seconds")]
    pub interval: Duration,
    /// How long it has been monitoring, without time suspended.
    #[serde(rename = "watched_seconds", with = "seconds")]
    pub watched: Duration,
}

impl MonitorCost {
    /// The share of one processor used by samples and findings, from 0 to 1; `None` before any time
    /// has passed.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let watched = self.watched.as_secs_f64();
        (watched > 0.0).then(|| self.cpu.as_secs_f64() / watched)
    }
}
