//! Until when.

use std::time::{Duration, Instant};

/// A moment at which waiting ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now. A span too long for the clock ends in a hundred years.
    #[must_use]
    pub fn after(span: Duration) -> Self {
        let now = Instant::now();
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        Self(now.checked_add(span).unwrap_or(now + century))
    }

    /// One that has passed, without a look at the clock.
    #[must_use]
    pub fn passed() -> Self {
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        Self(*START)
    }

    /// At `instant`.
    #[must_use]
    pub fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The moment itself.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }

    /// How long is left; zero once it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// Whichever comes first.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }
}
