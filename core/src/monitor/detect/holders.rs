//! Growth of the resources in the ledger, by kind and by site: in number, and by kind in bytes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::growing::{self, Growing, Reading};
use super::{Look, Scene};
use crate::monitor::recent::Recent;
use crate::monitor::{FindingKind, FindingSubject, LedgerTally, Unit};

/// Growth of kinds and sites. Those not seen for the longest time are dropped beyond
/// [`HolderGrowth::KINDS`] and [`HolderGrowth::SITES`].
#[derive(Debug)]
pub(super) struct HolderGrowth {
    kinds: Recent<String, Holder>,
    sites: Recent<(String, String), Growing>,
}

/// A kind, by number and, if it occupies any, by bytes: a cache grows without there being more
/// caches.
#[derive(Debug)]
struct Holder {
    count: Growing,
    bytes: Option<Growing>,
}

impl HolderGrowth {
    const KINDS: usize = 64;
    const SITES: usize = 128;

    pub(super) fn new() -> Self {
        Self {
            kinds: Recent::of(Self::KINDS),
            sites: Recent::of(Self::SITES),
        }
    }

    pub(super) fn forget_measures(&mut self) {
        for (_, holder) in self.kinds.iter_mut() {
            holder.count.forget_measures();
            holder.bytes.iter_mut().for_each(Growing::forget_measures);
        }
        for (_, count) in self.sites.iter_mut() {
            count.forget_measures();
        }
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.kinds.forgotten() + self.sites.forgotten()
    }

    pub(super) fn site_rate(&self, kind: &str, site: &str) -> Option<f64> {
        let key = (kind.to_owned(), site.to_owned());
        self.sites.get(&key)?.per_hour()
    }

    pub(super) fn look(&mut self, scene: Scene<'_>, look: &mut Look) {
        let Some(ledger) = &scene.sample.ledger else {
            return;
        };
        self.look_at_kinds(scene, &ledger.kinds, look);
        let rise = scene.limits.count_growth() as f64;
        let at = scene.sample.at.awake;
        for tally in &ledger.sites {
            let key = (tally.kind.clone(), tally.site.clone());
            let count = self.sites.value(&key, || Growing::new(scene.limits));
            let reading = count.look(at, tally.tally.live as f64, rise);
            say_of_site(&key, reading, rise, look);
        }
        // A site that is not listed has nothing open, if all sites are listed.
        if ledger.other_sites.live == 0 {
            let listed = |key: &(String, String)| {
                let mut sites = ledger.sites.iter();
                sites.any(|tally| tally.kind == key.0 && tally.site == key.1)
            };
            for (key, count) in self.sites.iter_mut() {
                if !listed(key) {
                    say_of_site(key, count.look(at, 0.0, rise), rise, look);
                }
            }
        }
    }

    fn look_at_kinds(
        &mut self,
        scene: Scene<'_>,
        kinds: &BTreeMap<String, LedgerTally>,
        look: &mut Look,
    ) {
        for (kind, tally) in kinds {
            let holder = self.kinds.value(kind, || Holder {
                count: Growing::new(scene.limits),
                bytes: None,
            });
            holder.look(scene, kind, *tally, look);
        }
        for (kind, holder) in self.kinds.iter_mut() {
            if !kinds.contains_key(kind) {
                holder.look(scene, kind, LedgerTally::default(), look);
            }
        }
    }
}

impl Holder {
    fn look(&mut self, scene: Scene<'_>, kind: &str, tally: LedgerTally, look: &mut Look) {
        let at: Duration = scene.sample.at.awake;
        let rise = scene.limits.count_growth() as f64;
        let count = self.count.look(at, tally.live as f64, rise);
        if self.bytes.is_none() && tally.bytes.0 > 0 {
            self.bytes = Some(Growing::new(scene.limits));
        }
        let bytes_rise = scene.limits.growth().0 as f64;
        let bytes = self.bytes.as_mut().map_or(Reading::Level, |bytes| {
            bytes.look(at, tally.bytes.0 as f64, bytes_rise)
        });
        // One finding for both: many open resources are worse than large ones, and reported first.
        let (reading, rise, unit) = match (count, bytes) {
            (count @ Reading::Grows(_), _) => (count, rise, Unit::Count),
            (_, bytes @ Reading::Grows(_)) => (bytes, bytes_rise, Unit::Bytes),
            (Reading::Unknown, _) | (_, Reading::Unknown) => (Reading::Unknown, rise, Unit::Count),
            (count @ Reading::Level, Reading::Level) => (count, rise, Unit::Count),
        };
        let subject = FindingSubject::Kind {
            kind: kind.to_owned(),
        };
        look.growth(FindingKind::GrowingKind, subject, reading, |trend| {
            let severity = growing::severity_by_rise(trend, rise);
            let what = match unit {
                Unit::Bytes => format!("what all {kind} occupy"),
                _ => format!("open {kind}"),
            };
            (severity, growing::evidence(&what, trend, rise, unit))
        });
    }
}

fn say_of_site((kind, site): &(String, String), reading: Reading, rise: f64, look: &mut Look) {
    let subject = FindingSubject::Site {
        kind: kind.clone(),
        site: site.clone(),
    };
    look.growth(FindingKind::GrowingSite, subject, reading, |trend| {
        let severity = growing::severity_by_rise(trend, rise);
        let what = format!("open {kind} from {site}");
        (severity, growing::evidence(&what, trend, rise, Unit::Count))
    });
}
