//! Letting go of some: those that a caller chooses by how they stand.

use super::backstop::Backstop;
use super::cell::AnyCell;
use super::ladder::label_of;
use super::record::Cause;
use super::release_all::ReleaseReport;
use crate::policy::{Criticality, Facts, Verdict};
use crate::resource::{Deadline, Footprint, Kind, ResourceId, Rung, Site};

/// How an open resource stands at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it is.
    pub kind: Kind,
    /// Its age, and how long nobody has touched it.
    pub facts: Facts,
    /// What it occupies.
    pub footprint: Footprint,
    /// What its policy lets happen to it when the program is short of something.
    pub criticality: Criticality,
}

/// An open resource that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which one; `None` if it is untracked.
    pub id: Option<ResourceId>,
    /// Which one, for people.
    pub label: String,
    /// Where it was opened.
    pub site: Site,
    /// How it stands.
    pub standing: Standing,
}

impl Backstop {
    /// Which open resources are chosen: what [`release_where`](Self::release_where) would release, and
    /// with them those that belong to them. Touches nothing.
    #[must_use]
    pub fn candidates(&self, chosen: impl Fn(&Standing) -> bool) -> Vec<Candidate> {
        self.listed(self.now(), |_, standing| chosen(standing))
    }

    /// Which open resources their policies say must go: what [`enforce`](Self::enforce) would release.
    /// Touches nothing.
    #[must_use]
    pub fn due_by_policy(&self) -> Vec<Candidate> {
        let now = self.now();
        self.listed(now, |cell, standing| {
            self.policy_of(cell).judge(&standing.facts) != Verdict::Keep
        })
    }

    /// Releases the open resources that are chosen, as [`release_all`](Self::release_all) does, because
    /// a remedy said so.
    pub fn release_where(
        &self,
        chosen: impl Fn(&Standing) -> bool,
        deadline: Deadline,
    ) -> ReleaseReport {
        let now = self.now();
        self.release_open(
            |cell| chosen(&self.standing(cell, now)),
            Cause::Remedy,
            Rung::Ask,
            deadline,
        )
    }

    fn listed(&self, now: u64, chosen: impl Fn(&AnyCell, &Standing) -> bool) -> Vec<Candidate> {
        let cells = self.open_cells();
        let candidates = cells.iter().filter_map(|cell| {
            let standing = self.standing(cell, now);
            chosen(cell, &standing).then(|| Candidate {
                id: cell.id(),
                label: label_of(cell),
                site: cell.site,
                standing,
            })
        });
        candidates.collect()
    }

    fn standing(&self, cell: &AnyCell, now: u64) -> Standing {
        Standing {
            kind: cell.kind,
            facts: cell.facts(now),
            footprint: cell.footprint(),
            criticality: self.policy_of(cell).criticality(),
        }
    }
}
