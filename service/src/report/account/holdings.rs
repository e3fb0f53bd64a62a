//! Open resources, by kind and by site.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;

use super::Account;
use backstop_core::monitor::{LedgerSample, SiteTally};
use backstop_core::resource::Bytes;

/// The resources of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KindAccount {
    /// The kind.
    pub kind: String,
    /// How many were open at the start.
    pub first: u64,
    /// Maximum number open at the same time.
    pub peak: u64,
    /// How many were open at the end.
    pub last: u64,
    /// What those occupy.
    pub bytes: Bytes,
}

/// The resources of one site that were open at the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteAccount {
    /// The kind.
    pub kind: String,
    /// The place in the code.
    pub site: String,
    /// How many.
    pub live: u64,
    /// What they occupy.
    pub bytes: Bytes,
    /// The age of the oldest.
    pub oldest_seconds: f64,
}

#[derive(Debug, Default)]
pub(super) struct Holdings {
    kinds: BTreeMap<String, KindAccount>,
    sites: Vec<SiteTally>,
    any: bool,
    pub(super) omitted: u64,
}

impl Holdings {
    pub(super) fn take(&mut self, ledger: &LedgerSample) {
        for known in self.kinds.values_mut() {
            (known.last, known.bytes) = (0, Bytes(0));
        }
        self.omitted = 0;
        let has_room = self.kinds.len() < Account::HOLDINGS;
        for (kind, tally) in &ledger.kinds {
            let known = match self.kinds.entry(kind.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) if has_room => place.insert(KindAccount {
                    kind: kind.clone(),
                    first: if self.any { 0 } else { tally.live },
                    peak: 0,
                    last: 0,
                    bytes: Bytes(0),
                }),
                Entry::Vacant(_) => {
                    self.omitted += 1;
                    continue;
                }
            };
            known.peak = known.peak.max(tally.live);
            (known.last, known.bytes) = (tally.live, tally.bytes);
        }
        self.any = true;
        self.sites.clone_from(&ledger.sites);
    }

    pub(super) fn kinds(&self) -> Vec<KindAccount> {
        let mut kinds: Vec<_> = self.kinds.values().cloned().collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse((kind.last, kind.peak)));
        kinds
    }

    pub(super) fn sites(&self) -> Vec<SiteAccount> {
        let account = |site: &SiteTally| SiteAccount {
            kind: site.kind.clone(),
            site: site.site.clone(),
            live: site.tally.live,
            bytes: site.tally.bytes,
            oldest_seconds: site.oldest.as_secs_f64(),
        };
        let mut sites: Vec<_> = self.sites.iter().map(account).collect();
        sites.sort_by_key(|site| std::cmp::Reverse(site.live));
        sites.truncate(Account::HOLDINGS);
        sites
    }
}
