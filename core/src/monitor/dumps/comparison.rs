//! What changed between two memory states.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::MemoryState;
use crate::monitor::seconds;
use crate::resource::{Bytes, Kind, ResourceId, Site};

/// What changed from one memory state to another. Its `Display` is a table.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The name of the first state.
    pub before: String,
    /// The name of the second state.
    pub after: String,
    /// The time between them, without time suspended.
    #[serde(rename = "span_seconds", serialize_with = "seconds::serialize")]
    pub span: Duration,
    /// Resident memory in bytes.
    pub resident: MeasureChange,
    /// Memory in use by the C library's allocator, in bytes.
    pub heap_in_use: Option<MeasureChange>,
    /// Memory that it has obtained from the kernel, in bytes.
    pub heap_held: Option<MeasureChange>,
    /// File descriptors.
    pub handles: Option<MeasureChange>,
    /// Threads.
    pub threads: MeasureChange,
    /// Children.
    pub children: Option<MeasureChange>,
    /// Resources by kind, for kinds with changes; those with most left first.
    pub kinds: Vec<KindChange>,
    /// Resources by kind and site, for sites where some were left or released; those with most left
    /// first; at most [`Comparison::SITES`].
    pub sites: Vec<SiteChange>,
    /// Number of further sites.
    pub other_sites: u64,
    /// Whether every resource was compared one by one. If not, there were too many, and a site's
    /// `left` and `gone` are the difference of the counts: a new resource hides a released one.
    pub is_exact: bool,
}

/// A measure in both states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MeasureChange {
    /// In the first.
    pub before: u64,
    /// In the second.
    pub after: u64,
}

/// What happened to the resources of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KindChange {
    /// The kind.
    pub kind: String,
    /// How many were opened in between.
    pub opened: u64,
    /// How many were released in between, including those opened earlier.
    pub gone: u64,
    /// How many of those opened in between are still open.
    pub left: u64,
    /// Number of open resources.
    pub open: MeasureChange,
    /// Bytes of open resources.
    pub bytes: MeasureChange,
}

/// What happened to the resources of one kind from one site. Resources opened and released in
/// between are counted by kind only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteChange {
    /// The kind.
    pub kind: String,
    /// The place in the code.
    pub site: String,
    /// How many of those open in the first state are gone.
    pub gone: u64,
    /// How many were opened in between and are still open.
    pub left: u64,
    /// Number of open resources.
    pub open: MeasureChange,
    /// Bytes of open resources.
    pub bytes: MeasureChange,
}

impl MeasureChange {
    /// The change.
    #[must_use]
    pub fn difference(self) -> i64 {
        let difference = i128::from(self.after) - i128::from(self.before);
        difference.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}

/// One site in both states.
#[derive(Default, Clone, Copy)]
struct Place {
    open: MeasureChange,
    bytes: MeasureChange,
    left: u64,
    gone: u64,
}

impl Comparison {
    /// The maximum number of sites listed.
    pub const SITES: usize = 64;

    pub(super) fn of(before: &MemoryState, after: &MemoryState) -> Self {
        let is_exact = before.unlisted == 0 && after.unlisted == 0;
        let places = places(before, after, is_exact);
        let kinds = kinds(before, after, &places);
        let changed = places
            .into_iter()
            .filter(|(_, place)| place.left > 0 || place.gone > 0);
        let mut sites: Vec<_> = changed.map(SiteChange::of).collect();
        sites.sort_by_key(|site| Reverse((site.left, site.gone)));
        let other_sites = sites.len().saturating_sub(Self::SITES) as u64;
        sites.truncate(Self::SITES);
        let heaps = before.process.heap.zip(after.process.heap);
        Self {
            before: before.name.clone(),
            after: after.name.clone(),
            span: after.at.since(&before.at),
            resident: bytes(before.process.resident, after.process.resident),
            heap_in_use: heaps.map(|(one, other)| bytes(one.in_use, other.in_use)),
            heap_held: heaps.map(|(one, other)| bytes(one.held, other.held)),
            handles: counts(before.process.handles, after.process.handles),
            threads: MeasureChange {
                before: before.process.threads.into(),
                after: after.process.threads.into(),
            },
            children: counts(
                before.process.children.map(u64::from),
                after.process.children.map(u64::from),
            ),
            kinds,
            sites,
            other_sites,
            is_exact,
        }
    }
}

fn places(before: &MemoryState, after: &MemoryState, is_exact: bool) -> Vec<((Kind, Site), Place)> {
    let mut places = HashMap::<(Kind, Site), Place>::new();
    for (key, tally) in &before.places {
        let place = places.entry(*key).or_default();
        place.open.before = tally.live;
        place.bytes.before = tally.bytes.0;
    }
    for (key, tally) in &after.places {
        let place = places.entry(*key).or_default();
        place.open.after = tally.live;
        place.bytes.after = tally.bytes.0;
    }
    if is_exact {
        for key in only_in(after, before) {
            places.entry(key).or_default().left += 1;
        }
        for key in only_in(before, after) {
            places.entry(key).or_default().gone += 1;
        }
    } else {
        for place in places.values_mut() {
            place.left = place.open.after.saturating_sub(place.open.before);
            place.gone = place.open.before.saturating_sub(place.open.after);
        }
    }
    places.into_iter().collect()
}

/// The sites of the resources that are in `one` and not in `other`.
fn only_in(one: &MemoryState, other: &MemoryState) -> impl Iterator<Item = (Kind, Site)> {
    let others: BTreeSet<ResourceId> = other.resources.iter().map(|(id, _)| *id).collect();
    one.resources
        .iter()
        .filter(move |(id, _)| !others.contains(id))
        .filter_map(|(_, position)| Some(one.places.get(*position as usize)?.0))
}

fn kinds(
    before: &MemoryState,
    after: &MemoryState,
    places: &[((Kind, Site), Place)],
) -> Vec<KindChange> {
    let mut left = BTreeMap::<String, u64>::new();
    for ((kind, _), place) in places {
        *left.entry(kind.to_string()).or_default() += place.left;
    }
    let names: BTreeSet<_> = before.kinds.keys().chain(after.kinds.keys()).collect();
    let released: BTreeSet<_> = after.released.keys().collect();
    let changes = names.union(&released).map(|kind| {
        let tally = |state: &MemoryState| state.kinds.get(*kind).copied().unwrap_or_default();
        let count = |state: &MemoryState| state.released.get(*kind).copied().unwrap_or_default();
        let (first, second) = (tally(before), tally(after));
        let gone = count(after).saturating_sub(count(before));
        KindChange {
            kind: (*kind).clone(),
            opened: (second.live + gone).saturating_sub(first.live),
            gone,
            left: left.get(*kind).copied().unwrap_or_default(),
            open: MeasureChange {
                before: first.live,
                after: second.live,
            },
            bytes: bytes(first.bytes, second.bytes),
        }
    });
    let mut changes: Vec<_> = changes
        .filter(|change| change.opened > 0 || change.gone > 0 || change.left > 0)
        .collect();
    changes.sort_by_key(|change| Reverse((change.left, change.opened)));
    changes
}

fn bytes(before: Bytes, after: Bytes) -> MeasureChange {
    MeasureChange {
        before: before.0,
        after: after.0,
    }
}

fn counts(before: Option<u64>, after: Option<u64>) -> Option<MeasureChange> {
    let (before, after) = before.zip(after)?;
    Some(MeasureChange { before, after })
}

impl SiteChange {
    fn of(((kind, site), place): ((Kind, Site), Place)) -> Self {
        Self {
            kind: kind.to_string(),
            site: site.to_string(),
            gone: place.gone,
            left: place.left,
            open: place.open,
            bytes: place.bytes,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after, .. } = self;
        writeln!(formatter, "{before} → {after}, {:.1?}", self.span)?;
        let memory = [
            ("resident", Some(self.resident)),
            ("heap in use", self.heap_in_use),
            ("heap held", self.heap_held),
        ];
        let numbers = [
            ("handles", self.handles),
            ("threads", Some(self.threads)),
            ("children", self.children),
        ];
        for (name, change) in memory {
            row(formatter, name, change, |value| Bytes(value).to_string())?;
        }
        for (name, change) in numbers {
            row(formatter, name, change, |value| value.to_string())?;
        }
        if !self.kinds.is_empty() {
            writeln!(
                formatter,
                "{:<48} {:>8} {:>8} {:>8} {:>8}",
                "kind and site", "opened", "gone", "left", "open"
            )?;
        }
        for kind in &self.kinds {
            writeln!(
                formatter,
                "{:<48} {:>8} {:>8} {:>8} {:>8}",
                kind.kind, kind.opened, kind.gone, kind.left, kind.open.after
            )?;
            for site in self.sites.iter().filter(|site| site.kind == kind.kind) {
                writeln!(
                    formatter,
                    "  {:<46} {:>8} {:>8} {:>8} {:>8}",
                    site.site, "", site.gone, site.left, site.open.after
                )?;
            }
        }
        if self.other_sites > 0 {
            writeln!(formatter, "and {} more sites", self.other_sites)?;
        }
        if !self.is_exact {
            writeln!(
                formatter,
                "too many resources to compare one by one: left and gone are differences of counts"
            )?;
        }
        Ok(())
    }
}

fn row(
    formatter: &mut fmt::Formatter<'_>,
    name: &str,
    change: Option<MeasureChange>,
    show: impl Fn(u64) -> String,
) -> fmt::Result {
    let Some(change) = change else {
        return writeln!(formatter, "{name:<12} unknown");
    };
    let sign = if change.difference() < 0 { '-' } else { '+' };
    let difference = show(change.difference().unsigned_abs());
    writeln!(
        formatter,
        "{name:<12} {:>12} → {:>12}  {sign}{difference}",
        show(change.before),
        show(change.after),
    )
}
