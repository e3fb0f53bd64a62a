//! One point of a measure over time.

use std::time::Duration;

/// One measurement, or several that are close together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    /// When the first was taken, on the clock that stops while the machine is suspended.
    pub(super) at: Duration,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) sum: f64,
    pub(super) count: u32,
}

impl Point {
    pub(super) fn of(at: Duration, value: f64) -> Self {
        Self {
            at,
            low: value,
            high: value,
            sum: value,
            count: 1,
        }
    }

    pub(super) fn take_in(&mut self, value: f64) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        self.sum += value;
        self.count = self.count.saturating_add(1);
    }

    /// The mean of its measurements.
    pub(super) fn mean(&self) -> f64 {
        self.sum / f64::from(self.count)
    }
}
