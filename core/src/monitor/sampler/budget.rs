//! A share of the time for what is dear to read.

use std::time::Duration;

use backstop_os::clock;

/// Lets dear readings take a four-thousandth of the time, and no more. What is left over is kept for a
/// while; a reading that took longer than there was is paid off before the next.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// What may be spent; below zero it is owed. Nanoseconds.
    credit: i64,
    /// Awake time up to which it was given.
    given: Option<Duration>,
}

impl Budget {
    const SHARE: i64 = 4000;
    /// Enough for the dear readings of most processes at once.
    const MOST: Duration = Duration::from_millis(5);

    /// Gives what has come together until `now`, in awake time. The first sample has the most there
    /// can be.
    pub(super) fn begin(&mut self, now: Duration) {
        let passed = self
            .given
            .map_or(Duration::MAX, |given| now.saturating_sub(given));
        self.given = Some(now);
        let earned = nanoseconds(passed) / Self::SHARE;
        self.credit = self
            .credit
            .saturating_add(earned)
            .min(nanoseconds(Self::MOST));
    }

    /// What a reading may take now; `None` if nothing is left.
    pub(super) fn left(&self) -> Option<Duration> {
        let left = u64::try_from(self.credit).ok().filter(|left| *left > 0)?;
        Some(Duration::from_nanos(left))
    }

    /// Reads, and counts how long this thread was on a processor for it: a machine with much else to do
    /// does not make a reading dearer.
    pub(super) fn spend<T>(&mut self, read: impl FnOnce() -> T) -> T {
        let start = clock::thread_time();
        let value = read();
        self.charge(clock::thread_time().saturating_sub(start));
        value
    }

    fn charge(&mut self, took: Duration) {
        self.credit = self.credit.saturating_sub(nanoseconds(took));
    }
}

fn nanoseconds(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_small_share_of_the_time_is_given_and_debts_are_paid_off() {
        let mut budget = Budget::default();
        assert_eq!(budget.left(), None);
        budget.begin(SECOND);
        assert_eq!(budget.left(), Some(Budget::MOST));
        budget.charge(Duration::from_millis(6));
        budget.begin(5 * SECOND);
        assert_eq!(budget.left(), None);
        budget.begin(9 * SECOND);
        assert_eq!(budget.left(), Some(Duration::from_millis(1)));
        budget.begin(3600 * SECOND);
        assert_eq!(budget.left(), Some(Budget::MOST));
    }

    #[test]
    fn time_that_goes_backwards_gives_nothing() {
        let mut budget = Budget::default();
        budget.begin(9 * SECOND);
        budget.charge(Budget::MOST);
        budget.begin(SECOND);
        assert_eq!(budget.left(), None);
    }
}
