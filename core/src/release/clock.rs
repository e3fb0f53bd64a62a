//! The clock that ages are measured by.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where the time comes from: one of the system's monotonic clocks, or a test's hand.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    Coarse,
    SinceBoot,
    Hand(Arc<AtomicU64>),
}

impl Clock {
    /// The system's coarse monotonic clock, read in about 7 ns. It stands still while the machine
    /// sleeps.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::Coarse)
    }

    /// The system's clock that keeps running while the machine is suspended.
    #[must_use]
    pub fn since_boot() -> Self {
        Self(Source::SinceBoot)
    }

    /// A clock that stands still until its hand is moved.
    #[must_use]
    pub fn manual() -> (Self, ManualClock) {
        let time = Arc::new(AtomicU64::new(1));
        (Self(Source::Hand(Arc::clone(&time))), ManualClock(time))
    }

    /// Whether both are the same clock.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Source::Coarse, Source::Coarse) | (Source::SinceBoot, Source::SinceBoot) => true,
            (Source::Hand(left), Source::Hand(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }

    /// Nanoseconds since an arbitrary start.
    #[must_use]
    pub fn now(&self) -> u64 {
        match &self.0 {
            Source::Coarse => backstop_os::clock::coarse(),
            Source::SinceBoot => backstop_os::clock::since_boot(),
            Source::Hand(time) => time.load(Ordering::Relaxed),
        }
    }
}

/// The hand of a manual clock.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Moves the time on.
    pub fn advance(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}
