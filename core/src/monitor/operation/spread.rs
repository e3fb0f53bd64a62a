//! The distribution of a measure over many runs.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::monitor::seconds;

/// The distribution of a measure in bytes over the runs of an operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// The mean of all runs.
    pub mean: i64,
    /// The median of the last runs.
    pub p50: i64,
    /// The 95th percentile of the last runs.
    pub p95: i64,
    /// The maximum of all runs.
    pub max: i64,
}

/// The distribution of the time over the runs of an operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TimeSpread {
    /// The mean of all runs.
    #[serde(rename = "mean_seconds", serialize_with = "seconds::serialize")]
    pub mean: Duration,
    /// The median of the last runs.
    #[serde(rename = "p50_seconds", serialize_with = "seconds::serialize")]
    pub p50: Duration,
    /// The 95th percentile of the last runs.
    #[serde(rename = "p95_seconds", serialize_with = "seconds::serialize")]
    pub p95: Duration,
    /// The maximum of all runs.
    #[serde(rename = "max_seconds", serialize_with = "seconds::serialize")]
    pub max: Duration,
}

/// A measure over all runs, with the last of them one by one.
#[derive(Debug, Default)]
pub(super) struct Measure {
    last: VecDeque<i64>,
    sum: i128,
    count: u64,
    max: i64,
}

impl Measure {
    /// How many of the last runs are kept one by one. Exact quantiles of these few kilobytes
    /// describe the present, which those of the whole lifetime do not.
    pub(super) const LAST: usize = 256;

    pub(super) fn add(&mut self, value: i64) {
        if self.last.len() == Self::LAST {
            self.last.pop_front();
        }
        self.last.push_back(value);
        self.sum += i128::from(value);
        self.max = if self.count == 0 {
            value
        } else {
            self.max.max(value)
        };
        self.count += 1;
    }

    pub(super) fn spread(&self) -> Spread {
        let mut sorted: Vec<_> = self.last.iter().copied().collect();
        sorted.sort_unstable();
        Spread {
            // A mean is within the range of its values.
            mean: (self.sum / i128::from(self.count.max(1))) as i64,
            p50: quantile(&sorted, 50),
            p95: quantile(&sorted, 95),
            max: self.max,
        }
    }
}

/// The smallest value that this percentage of the values does not exceed.
fn quantile(sorted: &[i64], percent: usize) -> i64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

impl TimeSpread {
    pub(super) fn of_nanoseconds(spread: Spread) -> Self {
        let time = |value: i64| Duration::from_nanos(value.unsigned_abs());
        Self {
            mean: time(spread.mean),
            p50: time(spread.p50),
            p95: time(spread.p95),
            max: time(spread.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_last_runs_and_mean_and_max_of_all() {
        let mut measure = Measure::default();
        measure.add(1_000_000);
        for value in 1..=Measure::LAST as i64 {
            measure.add(value);
        }
        let spread = measure.spread();
        assert_eq!((spread.p50, spread.p95), (128, 244));
        assert_eq!(spread.max, 1_000_000);
        assert_eq!(spread.mean, (1_000_000 + 128 * 257) / 257);
    }

    #[test]
    fn a_falling_measure_has_no_maximum_above_it() {
        let mut measure = Measure::default();
        measure.add(-5);
        measure.add(-7);
        assert_eq!(measure.spread().max, -5);
        assert_eq!(Measure::default().spread(), Spread::default());
    }
}
