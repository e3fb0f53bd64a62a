//! Counting a ledger's resources in one pass, in bounded memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

use crate::monitor::sample::{Holding, LedgerSample, LedgerTally, SiteTally};
use crate::resource::Footprint;

/// The counts. `K` identifies the site of a resource, `S` identifies a suspect.
#[derive(Debug)]
pub(super) struct Count<K, S> {
    places: HashMap<K, (LedgerTally, Duration)>,
    suspects: Vec<(Duration, S)>,
    all_suspects: u64,
}

/// A resource, as it is counted.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) footprint: Footprint,
    pub(super) age: Duration,
}

impl<K, S> Default for Count<K, S> {
    fn default() -> Self {
        Self {
            places: HashMap::new(),
            suspects: Vec::new(),
            all_suspects: 0,
        }
    }
}

impl<K: Eq + Hash, S> Count<K, S> {
    pub(super) fn add(&mut self, place: K, seen: &Seen, suspect: Option<S>) {
        let (tally, oldest) = self.places.entry(place).or_default();
        tally.add(&LedgerTally {
            live: 1,
            bytes: seen.footprint.bytes,
            handles: u64::from(seen.footprint.handles),
        });
        *oldest = (*oldest).max(seen.age);
        if let Some(suspect) = suspect {
            self.all_suspects += 1;
            self.suspects.push((seen.age, suspect));
            if self.suspects.len() >= 2 * LedgerSample::HOLDINGS {
                self.keep_oldest();
            }
        }
    }

    fn keep_oldest(&mut self) {
        self.suspects.sort_by_key(|(age, _)| Reverse(*age));
        self.suspects.truncate(LedgerSample::HOLDINGS);
    }

    /// The sample, with the names of sites and suspects from these functions.
    pub(super) fn finish(
        mut self,
        names: impl Fn(&K) -> (String, String),
        holding: impl Fn(S) -> Holding,
    ) -> LedgerSample {
        self.keep_oldest();
        let mut kinds: BTreeMap<String, LedgerTally> = BTreeMap::new();
        let mut sites = Vec::with_capacity(self.places.len());
        for (place, (tally, oldest)) in &self.places {
            let (kind, site) = names(place);
            kinds.entry(kind.clone()).or_default().add(tally);
            sites.push(SiteTally {
                kind,
                site,
                tally: *tally,
                oldest: *oldest,
            });
        }
        // By name if they have equal numbers, so that two samples list the same ones.
        sites.sort_by(|one, other| {
            let key = |site: &SiteTally| Reverse(site.tally.live);
            (key(one), &one.kind, &one.site).cmp(&(key(other), &other.kind, &other.site))
        });
        let mut other_sites = LedgerTally::default();
        for site in sites.drain(sites.len().min(LedgerSample::SITES)..) {
            other_sites.add(&site.tally);
        }
        let suspects: Vec<_> = self
            .suspects
            .into_iter()
            .map(|(_, suspect)| holding(suspect))
            .collect();
        LedgerSample {
            kinds,
            sites,
            other_sites,
            other_suspects: self.all_suspects - suspects.len() as u64,
            suspects,
            ..LedgerSample::default()
        }
    }
}

impl LedgerTally {
    fn add(&mut self, more: &Self) {
        // A ledger may contain anything, so the sums are not trusted either.
        self.live = self.live.saturating_add(more.live);
        self.bytes.0 = self.bytes.0.saturating_add(more.bytes.0);
        self.handles = self.handles.saturating_add(more.handles);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Bytes;

    #[test]
    fn memory_is_bounded_and_what_is_left_out_is_counted() {
        let mut count = Count::default();
        for number in 0..10_000_u64 {
            let seen = Seen {
                footprint: Footprint {
                    bytes: Bytes(1),
                    handles: 1,
                },
                age: Duration::from_secs(number),
            };
            count.add(number % 100, &seen, Some(number));
        }
        let holding = |number: u64| Holding {
            id: None,
            kind: String::new(),
            label: String::new(),
            site: String::new(),
            age: Duration::from_secs(number),
            idle: Duration::ZERO,
            thread: 0,
            thread_ended: false,
            passed: None,
            bytes: Bytes(0),
        };
        let sample = count.finish(|place| ("k".into(), place.to_string()), holding);
        assert_eq!(
            (sample.sites.len(), sample.live()),
            (LedgerSample::SITES, 10_000)
        );
        assert_eq!(sample.other_sites.live, 3600);
        assert_eq!(sample.suspects.len(), LedgerSample::HOLDINGS);
        assert_eq!(sample.suspects[0].age, Duration::from_secs(9999));
        assert_eq!(
            sample.other_suspects,
            10_000 - LedgerSample::HOLDINGS as u64
        );
    }

    #[test]
    fn sums_of_nonsense_do_not_overflow() {
        let mut count = Count::<_, ()>::default();
        for _ in 0..3 {
            let seen = Seen {
                footprint: Footprint {
                    bytes: Bytes(u64::MAX),
                    handles: u32::MAX,
                },
                age: Duration::MAX,
            };
            count.add((), &seen, None);
        }
        let sample = count.finish(|()| Default::default(), |()| unreachable!());
        assert_eq!(sample.sites[0].tally.bytes, Bytes(u64::MAX));
    }
}
