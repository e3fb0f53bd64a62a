//! Orphans of one owner that are judged and reclaimed at once.

use std::path::Path;
use std::time::Duration;

use super::authority::Authority;
use super::judgement::Judgement;
use super::orphan::Orphan;
use super::reclaimer::{Reclaimed, Reclaimer};
use super::report::SweepItem;
use crate::ledger::{Entry, Lease, OwnerRecord};

/// Entries of a ledger, with the offset of each in it, that one reclaimer takes at once.
pub(super) struct Batch<'a> {
    pub(super) ledger: &'a Path,
    pub(super) lease: &'a Lease,
    pub(super) owner: &'a OwnerRecord,
    pub(super) entries: &'a [(u64, Entry)],
    pub(super) reclaimer: Option<&'a dyn Reclaimer>,
}

impl Batch<'_> {
    /// Judges all, then reclaims those that may go, each within `span`; `None` only judges. Each is passed
    /// to `settle` when its outcome is known; all are returned in the order of the entries.
    pub(super) fn reclaim(
        &self,
        span: Option<Duration>,
        settle: &mut dyn FnMut(u64, &SweepItem),
    ) -> Vec<SweepItem> {
        let mut judged = self.judge();
        // None may be skipped: an entry without a judgement keeps its ledger.
        judged.resize_with(self.entries.len(), || {
            Judgement::keep("its reclaimer gave no judgement")
        });
        let items = self.entries.iter().zip(judged);
        let mut items: Vec<SweepItem> = items
            .map(|((_, entry), judgement)| self.item(entry, judgement))
            .collect();
        let acts = |item: &SweepItem| item.judgement.acts() && span.is_some();
        let mut acting = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if acts(item) {
                acting.push(index);
            } else {
                settle(self.entries[index].0, item);
            }
        }
        if let (Some(reclaimer), Some(span), false) = (self.reclaimer, span, acting.is_empty()) {
            let orphans: Vec<Orphan<'_>> = acting
                .iter()
                .map(|index| self.orphan(&self.entries[*index].1))
                .collect();
            let authority = Authority::of_sweep(self.lease);
            reclaimer.reclaim_all(&orphans, &authority, span, &mut |index, reclaimed| {
                let index = acting[index];
                let item = &mut items[index];
                item.outcome = Some(reclaimed.outcome);
                item.count = reclaimed.count;
                item.bytes = reclaimed.bytes;
                settle(self.entries[index].0, item);
            });
        }
        for index in acting {
            let item = &mut items[index];
            if item.outcome.is_none() {
                let Reclaimed { outcome, .. } = Reclaimed::stuck("its reclaimer gave no answer");
                item.outcome = Some(outcome);
                settle(self.entries[index].0, item);
            }
        }
        items
    }

    fn judge(&self) -> Vec<Judgement> {
        if let Some(reclaimer) = self.reclaimer {
            let entries = self.entries.iter();
            let orphans: Vec<Orphan<'_>> = entries.map(|(_, entry)| self.orphan(entry)).collect();
            return match &orphans[..] {
                [orphan] => vec![reclaimer.judge(orphan)],
                orphans => reclaimer.judge_all(orphans),
            };
        }
        let judge = |(_, entry): &(u64, Entry)| {
            if !entry.is_kind_readable() {
                Judgement::keep(format!("its kind cannot be read: {}", entry.kind))
            } else if entry.has_recipe && entry.recipe.is_none() {
                // Its form, by which a reclaimer of any kind is found, is in the recipe.
                Judgement::keep("its recipe cannot be read")
            } else if entry.has_recipe {
                Judgement::keep(format!(
                    "no reclaimer for the kind {} is compiled in",
                    entry.kind
                ))
            } else {
                Judgement::gone("it died with its process: it has no recipe")
            }
        };
        self.entries.iter().map(judge).collect()
    }

    fn orphan<'b>(&'b self, entry: &'b Entry) -> Orphan<'b> {
        Orphan {
            ledger: self.ledger,
            owner: self.owner,
            entry,
        }
    }

    fn item(&self, entry: &Entry, judgement: Judgement) -> SweepItem {
        SweepItem {
            ledger: self.ledger.to_owned(),
            owner: format!("pid {} ({})", self.owner.process.pid, self.owner.command),
            id: entry.id,
            kind: entry.kind.clone(),
            label: entry.label.clone(),
            site: entry.site.clone(),
            state: entry.state,
            recipe: entry.recipe.clone(),
            judgement,
            outcome: None,
            count: 0,
            bytes: Default::default(),
        }
    }
}
