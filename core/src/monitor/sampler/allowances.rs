//! Expensive readings, each with its own share of the time.

use std::time::Duration;

use super::budget::Budget;
use crate::monitor::price::Price;
use crate::monitor::readings::{ExpensiveReading, Readings};

/// Readings, each with its own [`Budget`]: a very expensive one, such as the proportional share of
/// a large memory, does not delay those that findings are based on.
#[derive(Debug)]
pub(super) struct Allowances<T, const N: usize>([(T, Budget); N]);

impl<T: Copy + Into<ExpensiveReading>, const N: usize> Allowances<T, N> {
    pub(super) fn new(all: [T; N]) -> Self {
        Self(all.map(|each| (each, Budget::default())))
    }

    pub(super) fn set_price(&mut self, price: &Price) {
        for (_, budget) in &mut self.0 {
            budget.set_price(price.clone());
        }
    }

    /// Calls `read` at `now`, in awake time, for each that has time left, with how much that is; records
    /// which were read and which were left out.
    pub(super) fn spend(
        &mut self,
        now: Duration,
        readings: &mut Readings,
        mut read: impl FnMut(T, Duration),
    ) {
        for (what, budget) in &mut self.0 {
            let reading = (*what).into();
            budget.begin(now);
            match budget.left() {
                Some(left) => {
                    budget.spend(reading, || read(*what, left));
                    readings.take(reading);
                }
                None => readings.leave_out(reading),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expensive_reading_delays_no_other() {
        use ExpensiveReading::{Heap, Proportional};
        let mut allowances = Allowances::new([Heap, Proportional]);
        // Four times what there is at first, so that it is paid off after half a minute.
        allowances.set_price(&Price::set(|reading| match reading {
            Proportional => 4 * Price::KEPT,
            _ => Duration::ZERO,
        }));
        let mut readings = Readings::default();
        let mut read = Vec::new();
        for second in 1..=10 {
            allowances.spend(Duration::from_secs(second), &mut readings, |what, left| {
                assert!(!left.is_zero());
                read.push(what);
            });
        }
        let count = |what| read.iter().filter(|one| **one == what).count();
        assert_eq!((count(Heap), count(Proportional)), (10, 1));
        let (cheap, expensive) = (readings.of(Heap), readings.of(Proportional));
        assert_eq!((cheap.taken, cheap.left_out), (10, 0));
        assert_eq!((expensive.taken, expensive.left_out), (1, 9));
    }
}
