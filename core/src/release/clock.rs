//! The clock by which ages are told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where the time comes from: the coarse monotonic clock, or a test's hand.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The system's coarse monotonic clock, read in about 7 ns.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until its hand is moved.
    #[must_use]
    pub fn manual() -> (Self, ManualClock) {
        let time = Arc::new(AtomicU64::new(1));
        (Self(Some(Arc::clone(&time))), ManualClock(time))
    }

    /// Whether both always tell the same time.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(left), Some(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }

    /// Nanoseconds since an arbitrary start.
    #[must_use]
    pub fn now(&self) -> u64 {
        match &self.0 {
            None => crate::os::clock::coarse(),
            Some(time) => time.load(Ordering::Relaxed),
        }
    }
}

/// The hand of a manual clock.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Moves the time on.
    pub fn advance(&self, span: Duration) {
        let nanoseconds = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}
