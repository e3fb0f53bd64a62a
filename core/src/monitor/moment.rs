//! When a sample was taken, by three clocks whose differences are informative.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::seconds;
use backstop_os::clock;

/// A moment by three clocks. Durations are measured without time suspended, so that a night of
/// suspension makes nothing idle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Since boot, without time suspended.
    #[serde(rename = "awake_seconds", with = "seconds")]
    pub awake: Duration,
    /// Since boot.
    #[serde(rename = "since_boot_seconds", with = "seconds")]
    pub since_boot: Duration,
    /// The calendar time, which users may set.
    pub time: Timestamp,
}

/// What happened to the clocks between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Disturbance {
    /// The machine was suspended.
    Suspended {
        /// How long.
        #[serde(rename = "seconds", with = "seconds")]
        span: Duration,
    },
    /// The sample was due earlier: an observer took long, or the machine was overloaded.
    Late {
        /// The delay.
        #[serde(rename = "seconds", with = "seconds")]
        span: Duration,
    },
    /// The calendar time was set, by more than clocks drift.
    ClockSet {
        /// The change in seconds; positive is forwards.
        seconds: f64,
    },
}

impl Moment {
    /// Clocks that are adjusted gradually drift by less than this between two samples.
    const DRIFT: Duration = Duration::from_secs(1);

    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self {
            awake: Duration::from_nanos(clock::monotonic()),
            since_boot: Duration::from_nanos(clock::since_boot()),
            time: Timestamp::now(),
        }
    }

    /// This much later by all three clocks. For tests and for simulated time.
    #[must_use]
    pub fn later(self, span: Duration) -> Self {
        let after = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
        Self {
            awake: self.awake + span,
            since_boot: self.since_boot + span,
            time: self.time.checked_add(after).unwrap_or(Timestamp::MAX),
        }
    }

    /// The time since `earlier`, without time suspended.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Duration {
        self.awake.saturating_sub(earlier.awake)
    }

    /// What happened to the clocks since `earlier`.
    #[must_use]
    pub fn disturbances_since(&self, earlier: &Self) -> Vec<Disturbance> {
        let passed = self.since_boot.saturating_sub(earlier.since_boot);
        let slept = passed.saturating_sub(self.since(earlier));
        let calendar = self.time.duration_since(earlier.time).as_secs_f64();
        let set = calendar - passed.as_secs_f64();
        let mut found = Vec::new();
        if slept > Self::DRIFT {
            found.push(Disturbance::Suspended { span: slept });
        }
        if set.abs() > Self::DRIFT.as_secs_f64() {
            found.push(Disturbance::ClockSet { seconds: set });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_time_is_no_disturbance() {
        let start = Moment::now();
        let end = start.later(Duration::from_secs(30));
        assert_eq!(end.disturbances_since(&start), []);
        assert_eq!(end.since(&start), Duration::from_secs(30));
    }

    #[test]
    fn a_suspended_night_is_not_counted() {
        let start = Moment::now();
        let night = Duration::from_secs(8 * 3600);
        let mut end = start.later(night + Duration::from_secs(30));
        end.awake -= night;
        assert_eq!(
            end.disturbances_since(&start),
            [Disturbance::Suspended { span: night }]
        );
        assert_eq!(end.since(&start), Duration::from_secs(30));
    }

    #[test]
    fn a_clock_set_back_is_reported() {
        let start = Moment::now();
        let mut end = start.later(Duration::from_secs(30));
        end.time = start.time - SignedDuration::from_secs(3570);
        let found = end.disturbances_since(&start);
        let [Disturbance::ClockSet { seconds }] = found[..] else {
            panic!("{found:?}");
        };
        assert!((seconds + 3600.0).abs() < 0.01, "{seconds}");
    }
}
