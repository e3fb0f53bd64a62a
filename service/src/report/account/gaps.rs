//! Times without data.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;

/// Times without data.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Gaps {
    /// How many.
    pub count: u64,
    /// Their total duration.
    pub seconds: f64,
    /// The longest, in order of time; at most [`Gaps::LISTED`].
    pub longest: Vec<Gap>,
}

/// A time without data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gap {
    /// The last sample before.
    pub from: Timestamp,
    /// The first sample after.
    pub until: Timestamp,
    /// Why.
    pub reason: GapReason,
}

/// Why there is no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GapReason {
    /// The machine was suspended.
    Suspended,
    /// No program was monitored.
    NotRunning,
    /// There are fewer samples than before, and the history contains no reason.
    NoSamples,
}

impl Gap {
    /// Its duration.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.until.duration_since(self.from).as_secs_f64()
    }
}

impl GapReason {
    /// The reason, for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Suspended => "the machine was suspended",
            Self::NotRunning => "no program was monitored",
            Self::NoSamples => "no samples, reason unknown",
        }
    }
}

impl Gaps {
    /// The maximum number of gaps listed.
    pub const LISTED: usize = 32;

    pub(super) fn push(&mut self, gap: Gap) {
        self.count += 1;
        self.seconds += gap.seconds();
        self.longest.push(gap);
        if self.longest.len() > Self::LISTED {
            let shortest = (0..self.longest.len()).min_by(|one, other| {
                let seconds = |at: &usize| self.longest[*at].seconds();
                seconds(one).total_cmp(&seconds(other))
            });
            if let Some(shortest) = shortest {
                self.longest.remove(shortest);
            }
        }
    }
}

/// The usual interval between two samples.
#[derive(Debug, Default)]
pub(super) struct Pace(VecDeque<f64>);

impl Pace {
    /// Number of intervals kept: a new pace is recognized after half of them.
    const REMEMBERED: usize = 15;
    /// However short the usual interval, a pause of less than this is no gap: machines are busy.
    const LEAST: f64 = 10.0;

    pub(super) fn usual(&self) -> Option<f64> {
        let mut sorted: Vec<f64> = self.0.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }

    /// Takes an interval, and returns whether it is a gap.
    pub(super) fn is_gap(&mut self, seconds: f64) -> bool {
        let most = self
            .usual()
            .map_or(f64::INFINITY, |usual| (usual * 4.0).max(Self::LEAST));
        if self.0.len() == Self::REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(seconds);
        seconds > most
    }

    /// Whether a run with a last sample of this age may still be running.
    pub(super) fn goes_on(&self, seconds: f64) -> bool {
        seconds <= self.usual().map_or(60.0, |usual| (usual * 4.0).max(60.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slower_pace_is_one_gap_and_then_the_pace() {
        let mut pace = Pace::default();
        for _ in 0..50 {
            assert!(!pace.is_gap(5.0));
        }
        let gaps = (0..50).filter(|_| pace.is_gap(60.0)).count();
        assert_eq!(gaps, 8, "half of what is remembered");
        assert_eq!(pace.usual(), Some(60.0));
    }

    #[test]
    fn the_longest_are_listed_and_all_are_counted() {
        let mut gaps = Gaps::default();
        for second in 1..=100 {
            let from = Timestamp::from_second(second * 1000).unwrap();
            gaps.push(Gap {
                from,
                until: Timestamp::from_second(second * 1000 + second).unwrap(),
                reason: GapReason::NoSamples,
            });
        }
        assert_eq!((gaps.count, gaps.seconds), (100, 5050.0));
        assert_eq!(gaps.longest.len(), Gaps::LISTED);
        assert_eq!(gaps.longest[0].seconds(), 69.0);
    }
}
