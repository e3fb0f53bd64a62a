//! The ledger, the policies and the history of one process, tied together.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use super::clock::Clock;
use super::deadline_call::within;
use super::history::{History, Statistics};
use super::record::Release;
use super::tracked_state::{AnyShare, AnyState};
use crate::ledger::{Attachments, Ledger};
use crate::policy::CleanupPolicy;
use crate::resource::{Deadline, Kind, Presence, ResourceId};

/// Tracks, releases and accounts for the resources of this process. A copyable handle: it lives as
/// long as the process.
///
/// Most programs use [`Backstop::global`], by the functions at the crate's root; a test or a host of
/// plugins makes its own with [`Backstop::builder`].
#[derive(Clone, Copy)]
pub struct Backstop(&'static Inner);

struct Inner {
    ledger: Option<Ledger>,
    degraded: Option<String>,
    attachments: Attachments<AnyShare>,
    default_policy: CleanupPolicy,
    policies: RwLock<HashMap<Kind, Arc<CleanupPolicy>>>,
    history: History,
    clock: Clock,
}

impl Backstop {
    /// Makes one of its parts, for the rest of the process.
    pub(super) fn of(
        ledger: Option<Ledger>,
        degraded: Option<String>,
        default_policy: CleanupPolicy,
        policies: HashMap<Kind, Arc<CleanupPolicy>>,
        clock: Clock,
    ) -> Self {
        Self(Box::leak(Box::new(Inner {
            ledger,
            degraded,
            attachments: Attachments::new(ledger),
            default_policy,
            policies: RwLock::new(policies),
            history: History::new(),
            clock,
        })))
    }

    /// Sets the rules for a kind, for releases that begin from here on.
    pub fn set_policy(&self, kind: Kind, policy: CleanupPolicy) {
        self.0.policies.write().insert(kind, Arc::new(policy));
    }

    /// The rules for a kind.
    #[must_use]
    pub fn policy(&self, kind: Kind) -> CleanupPolicy {
        let policies = self.0.policies.read();
        policies
            .get(&kind)
            .map_or_else(|| self.0.default_policy.clone(), |own| (**own).clone())
    }

    pub(super) fn policy_of(&self, state: &AnyState) -> CleanupPolicy {
        match &state.policy {
            Some(own) => (**own).clone(),
            None => self.policy(state.kind),
        }
    }

    /// Checks whether a resource still exists, by the probe of its kind. `None` if it is no longer open
    /// here.
    #[must_use]
    pub fn verify(&self, id: ResourceId) -> Option<Presence> {
        let state = self.0.attachments.find(id)?;
        let deadline = Deadline::after(self.policy_of(&state).verify_deadline());
        Some(
            within(deadline, move || state.resource.verify())
                .unwrap_or_else(|error| Presence::unknown(format!("verify {error}"))),
        )
    }

    /// The last releases, oldest first: at most 1024. Releases on the fast path that went well are
    /// counted in [`statistics`](Self::statistics) and not listed.
    #[must_use]
    pub fn history(&self) -> Vec<Release> {
        self.0.history.last()
    }

    /// Counts of all resources, by kind.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut kinds = BTreeMap::new();
        self.0.history.add_to(&mut kinds);
        for state in self.open_states() {
            let kind = kinds.entry(state.kind.name()).or_default();
            let footprint = state.footprint();
            kind.live += 1;
            kind.bytes += footprint.bytes;
            kind.handles += u64::from(footprint.handles);
        }
        Statistics {
            kinds,
            untracked: self.0.ledger.map_or(0, |ledger| ledger.untracked()),
            dropped: self.0.history.dropped(),
        }
    }

    /// How many releases succeeded, and how many ended stuck, of all kinds together: as in
    /// [`statistics`](Self::statistics), without looking at what is open.
    #[must_use]
    pub fn released_and_stuck(&self) -> (u64, u64) {
        let mut kinds = BTreeMap::new();
        self.0.history.add_to(&mut kinds);
        kinds.values().fold((0, 0), |(released, stuck), kind| {
            (
                released + kind.released + kind.unverified,
                stuck + kind.stuck,
            )
        })
    }

    /// The ledger, unless tracking is off.
    #[must_use]
    pub fn ledger(&self) -> Option<Ledger> {
        self.0.ledger
    }

    /// Why tracking is less than was asked for, if it is.
    #[must_use]
    pub fn degraded(&self) -> Option<&str> {
        self.0.degraded.as_deref()
    }

    pub(super) fn is_same(&self, other: Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }

    pub(super) fn attachments(&self) -> &Attachments<AnyShare> {
        &self.0.attachments
    }

    pub(super) fn records(&self) -> &'static History {
        &self.0.history
    }

    /// Whether nothing is open, and nothing is being released.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states_not_released().is_empty()
    }

    pub(super) fn now(&self) -> u64 {
        self.0.clock.now()
    }

    pub(super) fn clock(&self) -> &'static Clock {
        &self.0.clock
    }

    pub(super) fn open_states(&self) -> Vec<AnyShare> {
        let mut states = self.0.attachments.all();
        states.retain(|state| state.is_releasable());
        states
    }

    /// What is open, stuck or being released. Each is read once: one that changed from the one state to
    /// the other between two reads would be in neither.
    pub(super) fn states_not_released(&self) -> Vec<AnyShare> {
        let mut states = self.0.attachments.all();
        states.retain(|state| !state.is_released());
        states
    }
}

impl std::fmt::Debug for Backstop {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Backstop")
            .field("ledger", &self.0.ledger)
            .field("degraded", &self.0.degraded)
            .finish_non_exhaustive()
    }
}
