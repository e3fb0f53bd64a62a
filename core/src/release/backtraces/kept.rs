//! The backtraces that are kept: of each place the first, the last and some between; of places those
//! last seen.

use std::backtrace::Backtrace;
use std::sync::Arc;

use super::sampled::{BacktraceCounts, SampledBacktrace, SiteBacktraces};
use crate::resource::{Kind, Site};

/// The most places that are kept.
pub(super) const SITES: usize = 256;
/// The most backtraces of one place that are kept.
pub(super) const EACH: usize = 4;

/// The place last seen stands last.
pub(super) struct Kept {
    places: Vec<SiteBacktraces>,
    counts: BacktraceCounts,
}

impl Kept {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            counts: BacktraceCounts {
                captured: 0,
                replaced: 0,
                evicted: 0,
                passed_over: 0,
            },
        }
    }

    pub(super) fn put(&mut self, kind: Kind, site: Site, trace: Arc<Backtrace>) {
        self.counts.captured += 1;
        let found = self
            .places
            .iter()
            .rposition(|place| place.site == site && place.kind == kind);
        let mut place = match found {
            Some(index) => self.places.remove(index),
            None => {
                self.make_room();
                SiteBacktraces {
                    kind,
                    site,
                    captured: 0,
                    kept: Vec::new(),
                }
            }
        };
        self.counts.replaced += u64::from(place.put(trace));
        self.places.push(place);
    }

    fn make_room(&mut self) {
        if self.places.len() >= SITES {
            let evicted = self.places.remove(0);
            self.counts.evicted += evicted.kept.len() as u64;
        }
    }

    pub(super) fn all(&self) -> Vec<SiteBacktraces> {
        self.places.iter().rev().cloned().collect()
    }

    pub(super) fn counts(&self) -> BacktraceCounts {
        self.counts
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
    }
}

impl SiteBacktraces {
    /// Puts one more last. True if another one gave way.
    fn put(&mut self, trace: Arc<Backtrace>) -> bool {
        self.captured += 1;
        let number = self.captured;
        let new = SampledBacktrace { number, trace };
        if self.kept.len() < EACH {
            self.kept.push(new);
            return false;
        }
        // The one that was last stays, between, if it was the second, fourth, eighth, …: then those
        // between are from all of the time, as in Netty's records. The oldest of those between is replaced.
        let last = self.kept.len() - 1;
        let gives_way = if self.kept[last].number.is_power_of_two() {
            1
        } else {
            last
        };
        self.kept.remove(gives_way);
        self.kept.push(new);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind::new("test.thing");

    fn trace() -> Arc<Backtrace> {
        Arc::new(Backtrace::disabled())
    }

    #[test]
    fn the_first_and_the_last_of_a_place_are_kept_and_the_rest_counted() {
        let mut kept = Kept::new();
        let site = Site::caller();
        for _ in 0..1000 {
            kept.put(KIND, site, trace());
        }
        let places = kept.all();
        let numbers: Vec<_> = places[0].kept.iter().map(|one| one.number).collect();
        assert_eq!(numbers, [1, 256, 512, 1000]);
        assert_eq!(places[0].captured, 1000);
        assert_eq!(kept.counts().replaced, 996);
    }

    #[test]
    fn the_place_not_seen_for_longest_gives_way() {
        let mut kept = Kept::new();
        // Each column is a place of its own; one kind each serves as well.
        let kinds: Vec<Kind> = (0..=SITES)
            .map(|number| Kind::new(format!("test.k{number}").leak()))
            .collect();
        let site = Site::caller();
        for kind in &kinds[..SITES] {
            kept.put(*kind, site, trace());
        }
        kept.put(kinds[0], site, trace());
        kept.put(kinds[SITES], site, trace());
        let places = kept.all();
        assert_eq!(places.len(), SITES);
        assert!(places.iter().any(|place| place.kind == kinds[0]));
        assert!(places.iter().all(|place| place.kind != kinds[1]));
        assert_eq!(kept.counts().evicted, 1);
    }
}
