//! The ledger, the policies and the history of one process, tied together.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::RwLock;

use super::births;
use super::builder::Builder;
use super::cell::{AnyCell, AnyShare, Cell, Parts};
use super::clock::Clock;
use super::deadline_call::within;
use super::history::{History, Statistics};
use super::intent::IntentDraft;
use super::ladder::{Inline, Ladder, release_inline};
use super::owned::Owned;
use super::record::{Cause, Outcome, Release};
use super::tracked::Tracked;
use crate::ledger::{Attachments, Ledger, NewEntry, OpenEntry, Share, State};
use crate::policy::{CleanupPolicy, Verdict};
use crate::resource::{
    Blocking, Deadline, Kind, Presence, ResourceId, Rung, Site, TrackedResource,
};
use backstop_os::fork;

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

static GLOBAL: OnceLock<Backstop> = OnceLock::new();

impl Backstop {
    /// The one of this process, set up with the defaults at its first use.
    ///
    /// It releases what is still open when the program ends by returning from `main` or by
    /// `std::process::exit`. For signals, see [`shutdown`](super::shutdown).
    #[must_use]
    pub fn global() -> Self {
        *GLOBAL.get_or_init(|| {
            let backstop = Self::builder().start();
            super::shutdown::release_at_exit(backstop);
            backstop
        })
    }

    /// Sets up another one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn begin(
        builder: Builder,
        ledger: Option<Ledger>,
        degraded: Option<String>,
    ) -> Self {
        // Asked once while there is surely one process, so that a fork is noticed from here on.
        let _ = fork::is_original_process();
        Self(Box::leak(Box::new(Inner {
            ledger,
            degraded,
            attachments: Attachments::new(ledger),
            default_policy: builder.default_policy,
            policies: RwLock::new(builder.policies),
            history: History::new(),
            clock: builder.clock,
        })))
    }

    /// Tracks a resource from here on.
    #[track_caller]
    pub fn track<R: TrackedResource>(&self, resource: R) -> Tracked<R> {
        self.track_child(resource, None)
    }

    /// Tracks a resource that belongs to another: it is released before its parent is.
    #[track_caller]
    pub fn track_child<R: TrackedResource>(
        &self,
        resource: R,
        parent: Option<ResourceId>,
    ) -> Tracked<R> {
        let kind = resource.kind();
        let label = resource.label();
        let recipe = resource.recipe();
        let site = Site::caller();
        let now = self.now();
        let entry = self.0.ledger.and_then(|ledger| {
            ledger.enter(&NewEntry {
                state: State::Live,
                kind,
                site,
                label: &label,
                recipe: recipe.as_ref(),
                footprint: resource.footprint(),
                parent,
                now,
            })
        });
        let parts = Parts {
            backstop: *self,
            kind,
            site,
            parent,
            policy: None,
            opened: now,
        };
        self.guard(parts, entry, resource)
    }

    /// Tracks any value with the function that releases it, for what no adapter covers.
    ///
    /// The value is reached by [`lock`](Tracked::lock), which answers with an error once it was
    /// released. What it came to cannot be verified: the outcome is `released-unverified`, unless
    /// [`Owned::with_probe`] says how to look.
    #[track_caller]
    pub fn track_with<T: Send + 'static, E>(
        &self,
        kind: Kind,
        label: impl Into<std::borrow::Cow<'static, str>>,
        value: T,
        release: impl FnOnce(T) -> Result<(), E> + Send + 'static,
    ) -> Tracked<Owned<T>>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.track(Owned::new(kind, label, value, release))
    }

    /// Announces a resource before it is created, so that it is found even if this process dies in
    /// between.
    #[track_caller]
    pub fn intend(
        &self,
        kind: Kind,
        label: impl Into<std::borrow::Cow<'static, str>>,
    ) -> IntentDraft {
        IntentDraft::new(*self, kind, label.into(), Site::caller())
    }

    pub(super) fn guard<R: TrackedResource>(
        &self,
        parts: Parts,
        entry: Option<OpenEntry>,
        resource: R,
    ) -> Tracked<R> {
        let parent = parts.parent;
        let share = match entry {
            Some(entry) => self.0.attachments.attach(entry, |entry| {
                let (tables, guards) = Share::two(Cell::new(parts, Some(entry)), resource);
                (tables.into_any(), guards)
            }),
            None => Share::one(Cell::new(parts, None), resource),
        };
        if let Some(parent) = parent.and_then(|id| self.0.attachments.find(id)) {
            parent.adopt_child();
        }
        births::note(&share);
        Tracked::of(share)
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

    pub(super) fn policy_of(&self, cell: &AnyCell) -> CleanupPolicy {
        match &cell.policy {
            Some(own) => (**own).clone(),
            None => self.policy(cell.kind),
        }
    }

    /// Looks whether a resource is still there, by its kind's own probe. `None` if it is not open
    /// here any more.
    #[must_use]
    pub fn verify(&self, id: ResourceId) -> Option<Presence> {
        let cell = self.0.attachments.find(id)?;
        let deadline = Deadline::after(self.policy_of(&cell).verify_deadline());
        Some(
            within(deadline, move || cell.resource.verify())
                .unwrap_or_else(|error| Presence::unknown(format!("verify {error}"))),
        )
    }

    /// Releases whatever its policy says must go, at this clock's now.
    ///
    /// It is called by whoever keeps time: [`enforce_every`](Self::enforce_every), a timer of the
    /// program's own, a test.
    pub fn enforce(&self) -> Vec<Release> {
        let now = self.now();
        let due: Vec<_> = self
            .open_cells()
            .into_iter()
            .filter_map(|cell| match self.policy_of(&cell).judge(&cell.facts(now)) {
                Verdict::Release(reason) => Some((cell, reason)),
                Verdict::Keep => None,
            })
            .collect();
        due.into_iter()
            .map(|(cell, reason)| Self::release_cell(cell, Cause::Policy(reason), Rung::Ask))
            .collect()
    }

    /// The last releases, oldest first: at most 1024. Releases on the fast path that went well are
    /// counted in [`statistics`](Self::statistics) and not listed.
    #[must_use]
    pub fn history(&self) -> Vec<Release> {
        self.0.history.last()
    }

    /// What became of all resources, by kind.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut kinds = BTreeMap::new();
        self.0.history.add_to(&mut kinds);
        for cell in self.open_cells() {
            let kind = kinds.entry(cell.kind.name()).or_default();
            let footprint = cell.footprint();
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
        self.cells_not_released().is_empty()
    }

    pub(super) fn now(&self) -> u64 {
        self.0.clock.now()
    }

    pub(super) fn clock(&self) -> &'static Clock {
        &self.0.clock
    }

    pub(super) fn open_cells(&self) -> Vec<AnyShare> {
        let mut cells = self.0.attachments.all();
        cells.retain(|cell| cell.is_releasable());
        cells
    }

    /// What is open, stuck or being released: by one look at each, or one that goes from the one to
    /// the other between two looks would be in neither.
    pub(super) fn cells_not_released(&self) -> Vec<AnyShare> {
        let mut cells = self.0.attachments.all();
        cells.retain(|cell| !cell.is_released());
        cells
    }

    /// Releases a resource and waits to the end; if someone else is doing so, waits for them.
    pub(super) fn release_cell(cell: AnyShare, cause: Cause, first: Rung) -> Release {
        if !fork::is_original_process() {
            let reason = "a forked child releases nothing of its parent's".to_owned();
            let outcome = Outcome::ReleasedUnverified { reason };
            return Release::by_another(&cell, cause, outcome);
        }
        if !cell.begin_release() {
            let policy = cell.backstop.policy_of(&cell);
            // Saturating: a policy may set spans as good as none.
            let longest = Rung::ALL.iter().fold(Duration::ZERO, |sum, rung| {
                sum.saturating_add(policy.deadline(*rung))
                    .saturating_add(policy.verify_deadline())
            });
            return Release::wait_for_another(&cell, cause, Deadline::after(longest));
        }
        Self::release_children(&cell);
        match cell.resource.blocking() {
            Blocking::Never => match release_inline(&cell, cause) {
                Inline::Quietly(_) => Release::by_another(&cell, cause, Outcome::Released),
                Inline::Accounted(release) => release,
            },
            Blocking::Possible => Ladder::new(cell, cause, first).finish(),
        }
    }

    /// Releases a resource whose guard is dropped, with the policy's patience.
    pub(super) fn drop_cell(cell: AnyShare, cause: Cause) {
        if !fork::is_original_process() || !cell.begin_release() {
            return;
        }
        Self::release_children(&cell);
        match cell.resource.blocking() {
            Blocking::Never => {
                if let Inline::Quietly(Some(tables)) = release_inline(&cell, cause) {
                    cell.give_up(tables);
                }
            }
            Blocking::Possible => {
                let patience = Deadline::after(cell.backstop.policy_of(&cell).drop_patience());
                drop(Ladder::new(cell, cause, Rung::Ask).finish_within(patience));
            }
        }
    }

    pub(super) fn release_children(parent: &AnyCell) {
        let Some(id) = parent.id().filter(|_| parent.has_children()) else {
            return;
        };
        // Those that someone else is releasing are waited for too.
        let mut children = parent.backstop.0.attachments.all();
        children.retain(|cell| cell.parent == Some(id));
        // The last opened first, and each waited for: a parent must outlive its children.
        children.sort_by_key(|cell| std::cmp::Reverse(cell.opened_order()));
        for child in children {
            drop(Self::release_cell(child, Cause::ParentReleased, Rung::Ask));
        }
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
