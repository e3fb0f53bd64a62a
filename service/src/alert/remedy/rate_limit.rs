//! How often each remedy may act: pure; the caller passes the time.

use std::collections::HashMap;
use std::time::Duration;

/// When each acted last. The set of names is fixed, so it is bounded.
#[derive(Debug, Default)]
pub(super) struct RateLimit(HashMap<&'static str, u64>);

impl RateLimit {
    /// How long it must still wait at this time, in nanoseconds of a monotonic clock; zero if it
    /// may act.
    pub(super) fn rest(&self, name: &'static str, interval: Duration, now: u64) -> Duration {
        let Some(last) = self.0.get(name) else {
            return Duration::ZERO;
        };
        interval.saturating_sub(Duration::from_nanos(now.saturating_sub(*last)))
    }

    /// Allows it to act and records the time.
    ///
    /// # Errors
    /// How long it must still wait.
    pub(super) fn admit(
        &mut self,
        name: &'static str,
        interval: Duration,
        now: u64,
    ) -> Result<(), Duration> {
        let rest = self.rest(name, interval, now);
        if rest.is_zero() {
            self.0.insert(name, now);
            Ok(())
        } else {
            Err(rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn acts_are_an_interval_apart_and_none_waits_longer(
            interval in 1_u64..1000,
            steps in proptest::collection::vec(0_u64..500, 1..200),
        ) {
            let mut limit = RateLimit::default();
            let (mut now, mut last) = (0, None);
            for step in steps {
                now += step;
                let admitted = limit.admit("one", Duration::from_nanos(interval), now);
                match last {
                    Some(last) if now - last < interval => {
                        let rest = Duration::from_nanos(interval - (now - last));
                        prop_assert_eq!(admitted, Err(rest));
                    }
                    _ => {
                        prop_assert_eq!(admitted, Ok(()));
                        last = Some(now);
                    }
                }
            }
            prop_assert_eq!(limit.admit("another", Duration::MAX, now), Ok(()));
        }
    }
}
