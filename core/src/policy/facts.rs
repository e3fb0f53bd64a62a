//! What a policy sees of a resource.

use std::time::Duration;

/// What is known of a resource at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Since it was opened.
    pub age: Duration,
    /// Since it was last touched.
    pub idle: Duration,
}

impl Facts {
    /// The facts at `now` of a resource opened and touched at these times, all in nanoseconds of one
    /// clock. A time after `now` counts as now: the coarse clock may lag.
    #[must_use]
    pub fn at(now: u64, opened: u64, touched: u64) -> Self {
        Self {
            age: Duration::from_nanos(now.saturating_sub(opened)),
            idle: Duration::from_nanos(now.saturating_sub(touched)),
        }
    }
}
