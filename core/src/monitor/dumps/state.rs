//! The state of a process and its ledger at one moment.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::monitor::moment::Moment;
use crate::monitor::own_snapshot;
use crate::monitor::sample::{LedgerTally, ProcessSample};
use crate::release::Backstop;
use crate::resource::{Footprint, Kind, ResourceId, Site};
use backstop_os::process_table;

/// The state of a process and its ledger at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct MemoryState {
    /// Its name.
    pub name: String,
    /// When it was taken.
    pub at: Moment,
    /// The process.
    pub process: ProcessSample,
    /// Open resources by kind.
    pub kinds: BTreeMap<String, LedgerTally>,
    /// Released resources so far, by kind.
    pub released: BTreeMap<String, u64>,
    /// Resources that could not be recorded in the ledger so far.
    pub untracked: u64,
    /// Open resources by kind and site.
    #[serde(skip)]
    pub(super) places: Vec<((Kind, Site), LedgerTally)>,
    /// Open resources, each with its index in `places`, in order.
    #[serde(skip)]
    pub(super) resources: Vec<(ResourceId, u32)>,
    /// Number of resources that are not in `resources`.
    pub unlisted: u64,
}

impl MemoryState {
    /// The maximum number of resources listed one by one, at 12 bytes each.
    pub const LISTED: usize = 65_536;

    pub(super) fn now(name: String, backstop: Backstop) -> Self {
        let mut state = Self {
            name,
            at: Moment::now(),
            process: process(),
            kinds: BTreeMap::new(),
            released: BTreeMap::new(),
            untracked: 0,
            places: Vec::new(),
            resources: Vec::new(),
            unlisted: 0,
        };
        let statistics = backstop.statistics();
        state.untracked = statistics.untracked;
        for (kind, of_kind) in statistics.kinds {
            let released = of_kind.released + of_kind.unverified;
            state.released.insert(kind.to_owned(), released);
        }
        let mut positions = HashMap::new();
        backstop.each_open(|resource| {
            let place = (resource.kind(), resource.site());
            let next = state.places.len();
            let position = *positions.entry(place).or_insert(next);
            if position == next {
                state.places.push((place, LedgerTally::default()));
            }
            add(&mut state.places[position].1, resource.footprint());
            match resource.id() {
                Some(id) if state.resources.len() < Self::LISTED => {
                    state.resources.push((id, position as u32));
                }
                _ => state.unlisted += 1,
            }
        });
        state.resources.sort_unstable();
        for ((kind, _), tally) in &state.places {
            let of_kind = state.kinds.entry(kind.to_string()).or_default();
            of_kind.live += tally.live;
            of_kind.bytes += tally.bytes;
            of_kind.handles += tally.handles;
        }
        state
    }

    /// Open resources by kind and site, most numerous first.
    #[must_use]
    pub fn sites(&self) -> Vec<(String, String, LedgerTally)> {
        let shown = |((kind, site), tally): &((Kind, Site), LedgerTally)| {
            (kind.to_string(), site.to_string(), *tally)
        };
        let mut sites: Vec<_> = self.places.iter().map(shown).collect();
        sites.sort_by_key(|(_, _, tally)| Reverse(tally.live));
        sites
    }
}

fn add(tally: &mut LedgerTally, footprint: Footprint) {
    tally.live += 1;
    tally.bytes += footprint.bytes;
    tally.handles += u64::from(footprint.handles);
}

fn process() -> ProcessSample {
    let mut process = own_snapshot::now();
    process.children = process_table::children(process.pid)
        .ok()
        .and_then(|children| u32::try_from(children.len()).ok());
    process
}
