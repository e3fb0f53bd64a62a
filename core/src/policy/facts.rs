//! The facts that a policy judges.

use std::time::Duration;

/// What is known about a resource at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Time since it was opened.
    pub age: Duration,
    /// Time since it was last touched.
    pub idle: Duration,
}

impl Facts {
    /// The facts at `now` about a resource that was opened and touched at these times, all in
    /// nanoseconds of one clock. A time after `now` counts as `now`, because the coarse clock may
    /// lag.
    #[must_use]
    pub fn at(now: u64, opened: u64, touched: u64) -> Self {
        Self {
            age: Duration::from_nanos(now.saturating_sub(opened)),
            idle: Duration::from_nanos(now.saturating_sub(touched)),
        }
    }
}
