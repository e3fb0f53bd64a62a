//! A share of the time for expensive readings.

use std::time::Duration;

use backstop_os::clock;

/// Limits expensive readings to a four-thousandth of the time. Unused time is kept for a while; a
/// reading that took longer than allowed is paid off before the next.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// What may be spent; negative if it is owed. Nanoseconds.
    credit: i64,
    /// The time up to which it was granted, without time suspended.
    given: Option<Duration>,
}

impl Budget {
    const SHARE: i64 = 4000;
    /// Enough for the expensive readings of most processes at once.
    const MOST: Duration = Duration::from_millis(5);

    /// Grants the time accumulated until `now`, without time suspended. The first sample gets the
    /// maximum.
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

    /// The time that a reading may take now; `None` if nothing is left.
    pub(super) fn left(&self) -> Option<Duration> {
        let left = u64::try_from(self.credit).ok().filter(|left| *left > 0)?;
        Some(Duration::from_nanos(left))
    }

    /// Takes a reading, and counts this thread's processor time for it: a busy machine does not
    /// make a reading more expensive.
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
