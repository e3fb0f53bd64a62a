//! Expensive readings, each with its own share of the time.

use std::time::Duration;

use super::budget::Budget;

/// Readings, each with its own [`Budget`]: a very expensive one, such as the proportional share of
/// a large memory, does not delay those that findings are based on.
#[derive(Debug)]
pub(super) struct Allowances<T, const N: usize>([(T, Budget); N]);

impl<T: Copy, const N: usize> Allowances<T, N> {
    pub(super) fn new(all: [T; N]) -> Self {
        Self(all.map(|each| (each, Budget::default())))
    }

    /// Takes each reading that has time left at `now`, without time suspended, and passes it that
    /// time.
    pub(super) fn spend(&mut self, now: Duration, mut read: impl FnMut(T, Duration)) {
        for (what, budget) in &mut self.0 {
            budget.begin(now);
            if let Some(left) = budget.left() {
                budget.spend(|| read(*what, left));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstop_os::clock;

    #[test]
    fn an_expensive_reading_delays_no_other() {
        let mut allowances = Allowances::new(["cheap", "expensive"]);
        let mut read = Vec::new();
        for second in 1..=10 {
            allowances.spend(Duration::from_secs(second), |what, left| {
                assert!(!left.is_zero());
                read.push(what);
                let start = clock::thread_time();
                // Four times the initial allowance, so that it is paid off after half a minute.
                while what == "expensive" && clock::thread_time() - start < 4 * left {}
            });
        }
        let count = |what| read.iter().filter(|one| **one == what).count();
        assert_eq!((count("cheap"), count("expensive")), (10, 1));
    }
}
