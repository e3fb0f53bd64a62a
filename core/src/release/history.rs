//! What was released, and how it went: the last releases one by one, all of them by kind.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use super::record::{Outcome, Release};
use super::tally::Tallies;
use crate::resource::{Bytes, Kind};

/// The releases of one process.
pub(super) struct History {
    last: Mutex<Last>,
    counts: Mutex<HashMap<Kind, Counts>>,
    tallies: Tallies,
}

#[derive(Default)]
struct Last {
    releases: VecDeque<Release>,
    dropped: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    released: u64,
    unverified: u64,
    stuck: u64,
    longest: Duration,
}

/// Counts of the resources of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct KindStatistics {
    /// Open now.
    pub live: u64,
    /// Bytes of those open now.
    pub bytes: Bytes,
    /// Handles of those open now.
    pub handles: u64,
    /// Released and verified.
    pub released: u64,
    /// Released, not to be verified.
    pub unverified: u64,
    /// Releases that ended stuck. A later attempt that succeeds counts as released too.
    pub stuck: u64,
    /// The longest release.
    pub longest: Duration,
}

/// Counts of all resources of one process.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Statistics {
    /// By kind.
    pub kinds: BTreeMap<&'static str, KindStatistics>,
    /// Resources that could not be written into the ledger.
    pub untracked: u64,
    /// Releases that fell out of the bounded history.
    pub dropped: u64,
}

impl Statistics {
    /// The share of releases that did not end stuck, from 0 to 1; 1 if there were none.
    #[must_use]
    pub fn success_rate(&self) -> f64 {
        let (good, stuck) = self.kinds.values().fold((0, 0), |(good, stuck), kind| {
            (good + kind.released + kind.unverified, stuck + kind.stuck)
        });
        if good + stuck == 0 {
            1.0
        } else {
            good as f64 / (good + stuck) as f64
        }
    }
}

impl History {
    /// How many releases are kept one by one.
    const KEPT: usize = 1024;

    pub(super) fn new() -> Self {
        Self {
            last: Mutex::default(),
            counts: Mutex::default(),
            tallies: Tallies::default(),
        }
    }

    /// Counts a verified release of the fast path: it is not kept one by one.
    pub(super) fn count(&'static self, kind: Kind) {
        self.tallies.count(kind);
    }

    pub(super) fn push(&self, release: Release) {
        {
            let mut counts = self.counts.lock();
            let counts = counts.entry(release.kind).or_default();
            match release.outcome {
                Outcome::Released => counts.released += 1,
                Outcome::ReleasedUnverified { .. } => counts.unverified += 1,
                Outcome::Stuck { .. } => counts.stuck += 1,
            }
            counts.longest = counts.longest.max(release.took);
        }
        let mut last = self.last.lock();
        if last.releases.len() == Self::KEPT {
            last.releases.pop_front();
            last.dropped += 1;
        }
        last.releases.push_back(release);
    }

    pub(super) fn last(&self) -> Vec<Release> {
        self.last.lock().releases.iter().cloned().collect()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.last.lock().dropped
    }

    pub(super) fn add_to(&self, kinds: &mut BTreeMap<&'static str, KindStatistics>) {
        for (kind, counts) in self.counts.lock().iter() {
            let total = kinds.entry(kind.name()).or_default();
            total.released += counts.released;
            total.unverified += counts.unverified;
            total.stuck += counts.stuck;
            total.longest = total.longest.max(counts.longest);
        }
        self.tallies.each(|kind, count| {
            kinds.entry(kind.name()).or_default().released += count;
        });
    }
}
