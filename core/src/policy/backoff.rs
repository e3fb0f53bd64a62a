//! The delay between retries.

use std::time::Duration;

/// Delays that double from a first to a maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Default for Backoff {
    /// 10 ms, 20 ms, 40 ms, … up to 1 s.
    fn default() -> Self {
        Self::new(Duration::from_millis(10), Duration::from_secs(1))
    }
}

impl Backoff {
    /// Delays from `first` to `longest`.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The delay after the given number of failed attempts, counted from 1.
    #[must_use]
    pub fn after(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum() {
        let backoff = Backoff::default();
        let waits: Vec<u128> = [1, 2, 3, 8, 100]
            .into_iter()
            .map(|failures| backoff.after(failures).as_millis())
            .collect();
        assert_eq!(waits, [10, 20, 40, 1000, 1000]);
    }
}
