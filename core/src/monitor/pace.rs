//! The time until the next sample.

use std::time::Duration;

use super::sample::{Sample, SystemSample};

/// Chooses the time between samples: the interval while there is room, and less as a limit comes
/// nearer, as earlyoom does.
#[derive(Debug)]
pub(super) struct Pace {
    slowest: Duration,
    fastest: Duration,
    last: Option<(Duration, [Option<f64>; 4])>,
}

impl Pace {
    /// From this share of a limit, the interval shrinks linearly to the shortest at the limit
    /// itself.
    const NEAR: f64 = 0.7;
    /// At the current growth, this many samples are taken before the limit is reached.
    const SAMPLES_BEFORE: f64 = 10.0;

    pub(super) fn new(slowest: Duration, fastest: Duration) -> Self {
        Self {
            slowest,
            fastest: fastest.min(slowest),
            last: None,
        }
    }

    /// The time from this sample to the next.
    pub(super) fn next(&mut self, sample: &Sample) -> Duration {
        let now = sample.at.awake;
        let shares = shares(sample);
        let before = self.last.replace((now, shares));
        let mut seconds = self.slowest.as_secs_f64();
        for (index, share) in shares.into_iter().enumerate() {
            let Some(share) = share else {
                continue;
            };
            let room = (1.0 - share).max(0.0);
            if share > Self::NEAR {
                let left = room / (1.0 - Self::NEAR);
                seconds = seconds.min(self.slowest.as_secs_f64() * left);
            }
            let earlier = before.and_then(|(at, shares)| Some((at, shares[index]?)));
            if let Some((at, earlier)) = earlier {
                let passed = now.saturating_sub(at).as_secs_f64();
                let speed = (share - earlier) / passed;
                if speed.is_finite() && speed > 0.0 {
                    seconds = seconds.min(room / speed / Self::SAMPLES_BEFORE);
                }
            }
        }
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(self.slowest)
            .clamp(self.fastest, self.slowest)
    }
}

/// The shares of the limits that are in use: file descriptors, the process's memory, its cgroup's,
/// the machine's.
fn shares(sample: &Sample) -> [Option<f64>; 4] {
    let system = sample.system.as_ref();
    let of = |taken: u64, limit: u64| (limit > 0).then(|| taken as f64 / limit as f64);
    let group = system.and_then(|system| system.cgroup);
    [
        sample.process.handle_share(),
        system.and_then(|system| of(sample.process.resident.0, system.memory_ceiling().0)),
        group.and_then(|group| of(group.memory.0, group.limit?.0)),
        system.map(SystemSample::memory_share),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{Moment, ProcessSample};

    const SLOWEST: Duration = Duration::from_secs(30);
    const FASTEST: Duration = Duration::from_secs(1);

    fn with_handles(at: Moment, handles: u64) -> Sample {
        Sample {
            at,
            disturbances: Vec::new(),
            left_out: Vec::new(),
            process: ProcessSample {
                handles: Some(handles),
                handle_limit: Some(1000),
                ..ProcessSample::default()
            },
            system: None,
            ledger: None,
        }
    }

    #[test]
    fn with_room_the_interval_is_the_whole_one() {
        let mut pace = Pace::new(SLOWEST, FASTEST);
        let start = Moment::now();
        assert_eq!(pace.next(&with_handles(start, 100)), SLOWEST);
        assert_eq!(pace.next(&with_handles(start.later(SLOWEST), 101)), SLOWEST);
        assert_eq!(
            pace.next(&with_handles(start.later(2 * SLOWEST), 50)),
            SLOWEST
        );
    }

    #[test]
    fn near_a_limit_it_shrinks_to_the_fastest() {
        let start = Moment::now();
        let at = |handles| Pace::new(SLOWEST, FASTEST).next(&with_handles(start, handles));
        assert!((at(850).as_secs_f64() - 15.0).abs() < 0.1);
        assert_eq!((at(1000), at(5000)), (FASTEST, FASTEST));
    }

    #[test]
    fn fast_growth_is_sampled_more_often_while_there_is_room() {
        let mut pace = Pace::new(SLOWEST, FASTEST);
        let start = Moment::now();
        assert_eq!(pace.next(&with_handles(start, 0)), SLOWEST);
        // At 10 a second the other 700 take 70 seconds.
        let next = pace.next(&with_handles(start.later(SLOWEST), 300));
        assert!((next.as_secs_f64() - 7.0).abs() < 0.1, "{next:?}");
    }

    #[test]
    fn a_short_interval_stays_short_and_standing_time_is_no_speed() {
        let short = Duration::from_millis(500);
        let mut pace = Pace::new(short, FASTEST);
        let start = Moment::now();
        assert_eq!(pace.next(&with_handles(start, 999)), short);
        assert_eq!(pace.next(&with_handles(start, 1000)), short);
    }
}
