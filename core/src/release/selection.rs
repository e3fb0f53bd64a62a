//! Releasing some: those that a caller selects by their state.

use super::backstop::Backstop;
use super::record::Cause;
use super::release_all::ReleaseReport;
use super::tracked_state::AnyState;
use crate::policy::{Criticality, Facts, Verdict};
use crate::resource::{Deadline, Footprint, Kind, ResourceId, Rung, Site};

/// How an open resource stands at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceStatus {
    /// What it is.
    pub kind: Kind,
    /// Its age, and how long it has not been touched.
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
    pub status: ResourceStatus,
}

impl Backstop {
    /// Which open resources are chosen: what [`release_where`](Self::release_where) would release, and
    /// with them those that belong to them. Touches nothing.
    #[must_use]
    pub fn candidates(&self, chosen: impl Fn(&ResourceStatus) -> bool) -> Vec<Candidate> {
        self.listed(self.now(), |_, status| chosen(status))
    }

    /// Which open resources their policies say must go: what [`enforce`](Self::enforce) would release.
    /// Touches nothing.
    #[must_use]
    pub fn due_by_policy(&self) -> Vec<Candidate> {
        let now = self.now();
        self.listed(now, |state, status| {
            self.policy_of(state).judge(&status.facts) != Verdict::Keep
        })
    }

    /// Releases the open resources that are chosen, as [`release_all`](Self::release_all) does, because
    /// a remedy said so.
    pub fn release_where(
        &self,
        chosen: impl Fn(&ResourceStatus) -> bool,
        deadline: Deadline,
    ) -> ReleaseReport {
        let now = self.now();
        self.release_open(
            |state| chosen(&self.status(state, now)),
            Cause::Remedy,
            Rung::Ask,
            deadline,
        )
    }

    fn listed(
        &self,
        now: u64,
        chosen: impl Fn(&AnyState, &ResourceStatus) -> bool,
    ) -> Vec<Candidate> {
        let states = self.open_states();
        let candidates = states.iter().filter_map(|state| {
            let status = self.status(state, now);
            chosen(state, &status).then(|| Candidate {
                id: state.id(),
                label: state.label(),
                site: state.site,
                status,
            })
        });
        candidates.collect()
    }

    fn status(&self, state: &AnyState, now: u64) -> ResourceStatus {
        ResourceStatus {
            kind: state.kind,
            facts: state.facts(now),
            footprint: state.footprint(),
            criticality: self.policy_of(state).criticality(),
        }
    }
}
