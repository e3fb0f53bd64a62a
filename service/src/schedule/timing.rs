//! When a clean-up is due.

use std::time::Duration;

/// When a clean-up is due: once, or at regular ticks, each with a jitter so that the clean-ups of
/// many programs do not coincide.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_service::schedule::Timing;
///
/// let hourly = Timing::every(Duration::from_secs(3600))?.with_jitter(Duration::from_secs(90))?;
/// assert_eq!(hourly.interval(), Some(Duration::from_secs(3600)));
/// assert!(Timing::every(Duration::ZERO).is_err());
/// # Ok::<(), backstop_service::schedule::TimingError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    first: Duration,
    interval: Option<Duration>,
    jitter: Duration,
}

/// An invalid timing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimingError {
    /// Repeating without a pause would never end.
    #[error("the interval must be greater than zero")]
    NoInterval,
    /// One run would overtake the next.
    #[error("the jitter ({jitter:?}) must be shorter than the interval ({interval:?}")]
    JitterTooLong {
        /// The jitter.
        jitter: Duration,
        /// The interval.
        interval: Duration,
    },
}

impl Timing {
    /// Once, after this duration.
    #[must_use]
    pub fn once(after: Duration) -> Self {
        Self {
            first: after,
            interval: None,
            jitter: Duration::ZERO,
        }
    }

    /// Repeatedly, first after one interval. The n-th run is due n intervals after the start,
    /// however long the runs take.
    ///
    /// # Errors
    /// The interval is zero.
    pub fn every(interval: Duration) -> Result<Self, TimingError> {
        if interval.is_zero() {
            return Err(TimingError::NoInterval);
        }
        Ok(Self {
            first: interval,
            interval: Some(interval),
            jitter: Duration::ZERO,
        })
    }

    /// Delays each run by a random time, up to this. Default: no jitter.
    ///
    /// # Errors
    /// It is not shorter than the interval.
    pub fn with_jitter(mut self, jitter: Duration) -> Result<Self, TimingError> {
        if let Some(interval) = self.interval.filter(|interval| jitter >= *interval) {
            return Err(TimingError::JitterTooLong { jitter, interval });
        }
        self.jitter = jitter;
        Ok(self)
    }

    /// The interval; `None` if it is due once.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.interval
    }

    /// The time of a turn, counted from 0, in nanoseconds after the start and without its jitter.
    pub(super) fn raster(&self, turn: u64) -> u64 {
        let step = self.interval.map_or(0, nanoseconds);
        nanoseconds(self.first).saturating_add(step.saturating_mul(turn))
    }

    /// The same with its jitter. `chance` is the same for the same turn.
    pub(super) fn due(&self, turn: u64, chance: u64) -> u64 {
        let most = nanoseconds(self.jitter);
        let late = if most == 0 {
            0
        } else {
            mix(chance ^ turn) % most
        };
        self.raster(turn).saturating_add(late)
    }

    /// The last turn that is due after this time since the start, if any.
    pub(super) fn last_due(&self, elapsed: u64, chance: u64) -> Option<u64> {
        let step = self.interval.map_or(0, nanoseconds);
        let begun = elapsed.checked_sub(nanoseconds(self.first))?;
        let turn = begun.checked_div(step).unwrap_or(0);
        if self.due(turn, chance) <= elapsed {
            return Some(turn);
        }
        // Its jitter has not passed; the jitter of the one before has, because it is shorter than
        // an interval.
        turn.checked_sub(1)
    }
}

pub(super) fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Mixes bits (splitmix64), so that consecutive turns are unrelated.
pub(super) fn mix(value: u64) -> u64 {
    let mut bits = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn turns_come_in_order_and_the_last_one_due_is_found(
            interval in 1_u64..1_000_000,
            share in 0.0..1.0_f64,
            chance: u64,
            elapsed in 0_u64..10_000_000,
        ) {
            let jitter = Duration::from_nanos((interval as f64 * share) as u64);
            let timing = Timing::every(Duration::from_nanos(interval)).unwrap();
            let timing = timing.with_jitter(jitter).unwrap();
            match timing.last_due(elapsed, chance) {
                Some(turn) => {
                    prop_assert!(timing.due(turn, chance) <= elapsed);
                    prop_assert!(timing.due(turn + 1, chance) > elapsed);
                }
                None => prop_assert!(timing.due(0, chance) > elapsed),
            }
        }
    }

    #[test]
    fn invalid_timings_are_refused() {
        let hour = Duration::from_secs(3600);
        assert_eq!(Timing::every(Duration::ZERO), Err(TimingError::NoInterval));
        let late = Timing::every(hour).and_then(|timing| timing.with_jitter(hour));
        assert!(matches!(late, Err(TimingError::JitterTooLong { .. })));
        assert!(Timing::once(hour).with_jitter(hour * 9).is_ok());
    }
}
