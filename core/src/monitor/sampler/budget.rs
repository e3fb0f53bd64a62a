//! A share of the time for expensive readings.

use std::time::Duration;

use crate::monitor::price::Price;
use crate::monitor::readings::ExpensiveReading;

/// Limits expensive readings to a four-thousandth of the time. Unused time is kept for a while; a
/// reading that took longer than allowed is paid off before the next.
#[derive(Debug, Default)]
pub(super) struct Budget {
    price: Price,
    /// What may be spent; below zero it is owed. Nanoseconds.
    credit: i64,
    /// The time up to which it was granted, without time suspended.
    given: Option<Duration>,
}

impl Budget {
    pub(super) fn set_price(&mut self, price: Price) {
        self.price = price;
    }

    /// Grants the time accumulated until `now`, without time suspended. The first sample gets the
    /// maximum.
    pub(super) fn begin(&mut self, now: Duration) {
        let passed = self
            .given
            .map_or(Duration::MAX, |given| now.saturating_sub(given));
        self.given = Some(now);
        let earned = nanoseconds(passed) / i64::from(Price::SHARE);
        self.credit = self
            .credit
            .saturating_add(earned)
            .min(nanoseconds(Price::KEPT));
    }

    /// The time that a reading may take now; `None` if nothing is left.
    pub(super) fn left(&self) -> Option<Duration> {
        let left = u64::try_from(self.credit).ok().filter(|left| *left > 0)?;
        Some(Duration::from_nanos(left))
    }

    /// Reads, and charges the reading's price: without a set one, the time for which this thread was on a
    /// processor.
    ///
    /// Waiting for a processor costs nothing. But the same reading costs more on a slower processor, with
    /// cold caches, beside another thread of the same core and in a debug build: it is then taken less
    /// often, never skipped for good, and each one left out is counted.
    pub(super) fn spend<T>(&mut self, reading: ExpensiveReading, read: impl FnOnce() -> T) -> T {
        let (value, took) = self.price.of(reading, read);
        self.charge(took);
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
        assert_eq!(budget.left(), Some(Price::KEPT));
        budget.charge(Duration::from_millis(6));
        budget.begin(5 * SECOND);
        assert_eq!(budget.left(), None);
        budget.begin(9 * SECOND);
        assert_eq!(budget.left(), Some(Duration::from_millis(1)));
        budget.begin(3600 * SECOND);
        assert_eq!(budget.left(), Some(Price::KEPT));
    }

    #[test]
    fn time_that_goes_backwards_gives_nothing() {
        let mut budget = Budget::default();
        budget.begin(9 * SECOND);
        budget.charge(Price::KEPT);
        budget.begin(SECOND);
        assert_eq!(budget.left(), None);
    }

    #[test]
    fn a_reading_is_charged_what_it_costs() {
        let mut budget = Budget::default();
        budget.set_price(Price::set(|_| Duration::from_millis(2)));
        budget.begin(SECOND);
        assert_eq!(budget.spend(ExpensiveReading::Heap, || 7), 7);
        assert_eq!(budget.left(), Some(Duration::from_millis(3)));
        budget.set_price(Price::measured());
        budget.spend(ExpensiveReading::Heap, || {
            let start = backstop_os::clock::thread_time();
            while backstop_os::clock::thread_time() - start < Duration::from_millis(3) {}
        });
        assert_eq!(budget.left(), None);
    }
}
