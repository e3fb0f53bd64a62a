//! What is known of a resource, shared with it by its guard and the table of everything open.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use super::backstop::Backstop;
use super::record::Release;
use super::release_claim::{Claim, End, ReleaseClaim};
use crate::error::Error;
use crate::ledger::{Counted, OpenEntry, Share, State};
use crate::policy::{CleanupPolicy, Facts};
use crate::resource::{Deadline, Footprint, Kind, Recipe, ResourceId, Site, TrackedResource};

/// Any resource, with its state.
pub(super) type AnyState = Counted<TrackedState, dyn TrackedResource>;

/// A hold on any resource and its state.
pub(super) type AnyShare = Share<TrackedState, dyn TrackedResource>;

/// What is known of one resource, and the state of its release.
pub(super) struct TrackedState {
    pub(super) backstop: Backstop,
    pub(super) kind: Kind,
    pub(super) site: Site,
    pub(super) parent: Option<ResourceId>,
    /// Rules of its own, instead of its kind's.
    pub(super) policy: Option<Box<CleanupPolicy>>,
    opened: u64,
    serial: u64,
    entry: Option<OpenEntry>,
    claim: ReleaseClaim<Release>,
    hurried: AtomicBool,
    has_children: AtomicBool,
}

/// What a new state is made of, in addition to its entry.
pub(super) struct Parts {
    pub(super) backstop: Backstop,
    pub(super) kind: Kind,
    pub(super) site: Site,
    pub(super) parent: Option<ResourceId>,
    pub(super) policy: Option<Box<CleanupPolicy>>,
    pub(super) opened: u64,
}

impl TrackedState {
    pub(super) fn new(parts: Parts, entry: Option<OpenEntry>) -> Self {
        Self {
            backstop: parts.backstop,
            kind: parts.kind,
            site: parts.site,
            parent: parts.parent,
            policy: parts.policy,
            opened: parts.opened,
            serial: next_serial(),
            entry,
            claim: ReleaseClaim::new(),
            hurried: AtomicBool::new(false),
            has_children: AtomicBool::new(false),
        }
    }

    pub(super) fn id(&self) -> Option<ResourceId> {
        self.entry.as_ref().map(OpenEntry::id)
    }

    /// Its place in the order of opening: by time, and within one tick of the clock by its
    /// thread's count.
    pub(super) fn opened_order(&self) -> (u64, u64) {
        (self.opened, self.serial)
    }

    /// Claims the release. Exactly one caller gets it, until it gives up as stuck.
    pub(super) fn begin_release(&self) -> bool {
        let won = self.claim.take();
        if won {
            self.mark_closing();
        }
        won
    }

    /// Claims the release, or returns who holds the claim.
    pub(super) fn claim_release(&self) -> Claim {
        let claim = self.claim.claim();
        if claim == Claim::Taken {
            self.mark_closing();
        }
        claim
    }

    fn mark_closing(&self) {
        if let Some(entry) = &self.entry {
            entry.set_state(State::Closing);
        }
    }

    /// Whether it may be used: no release has begun.
    pub(super) fn is_open(&self) -> bool {
        self.claim.is_open()
    }

    /// Whether it exists, or may exist.
    pub(super) fn is_releasable(&self) -> bool {
        self.claim.is_takeable()
    }

    /// Whether a release of it has begun and not ended.
    pub(super) fn is_being_released(&self) -> bool {
        self.claim.is_taken()
    }

    /// Whether it is gone.
    pub(super) fn is_released(&self) -> bool {
        self.claim.is_released()
    }

    /// Has the release that is under way skip to force, and every later one begin there.
    pub(super) fn hurry(&self) {
        // Relaxed: nothing is published with it.
        self.hurried.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Relaxed)
    }

    /// Ends a release without a record, on the fast path. The share of the table is the caller's from here
    /// on, to be dropped with its own.
    #[must_use]
    pub(super) fn end_quietly(&self) -> Option<AnyShare> {
        self.claim.end_quietly();
        self.close_entry()
    }

    /// Ends a release with its record and wakes the threads that wait for it.
    pub(super) fn end(&self, release: &Release) {
        let end = if release.outcome.is_stuck() {
            End::Stuck
        } else {
            drop(self.close_entry());
            End::Released
        };
        self.claim.end(end, release.clone());
    }

    fn close_entry(&self) -> Option<AnyShare> {
        let entry = self.entry.as_ref()?;
        // Detached first: once the slot is given back, another resource may attach to it.
        let attached = self.backstop.attachments().detach(entry.id());
        entry.close();
        attached
    }

    /// The record of the last release that ended, waited for until the deadline. None if it has not
    /// ended, or ended on the fast path.
    pub(super) fn await_end(&self, deadline: Deadline) -> Option<Release> {
        self.claim.await_end(deadline)
    }

    pub(super) fn adopt_child(&self) {
        // Relaxed: read after the parent's release began, which orders itself by `claim`.
        self.has_children.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_children(&self) -> bool {
        self.has_children.load(Ordering::Relaxed)
    }

    /// Notes that it is in use. Nothing once its release has begun; should that begin at this moment, a
    /// time is written to a slot that is free or another resource's, which is harmless.
    pub(super) fn touch(&self, now: u64) {
        if let Some(entry) = self.entry.as_ref().filter(|_| self.is_open()) {
            entry.touch(now);
        }
    }

    /// Notes what it occupies. Nothing once its release has begun.
    pub(super) fn set_footprint(&self, footprint: Footprint) {
        if let Some(entry) = self.entry.as_ref().filter(|_| self.is_open()) {
            entry.set_footprint(footprint);
        }
    }

    /// Sets its recipe. Nothing once its release has begun.
    pub(super) fn set_recipe(&self, recipe: &Recipe) -> Result<(), Error> {
        let Some(entry) = &self.entry else {
            return Ok(());
        };
        entry.set_recipe(recipe, || self.claim.is_open())
    }

    pub(super) fn footprint(&self) -> Footprint {
        let entry = self.entry.as_ref().filter(|_| self.is_releasable());
        entry.map(OpenEntry::footprint).unwrap_or_default()
    }

    /// The thread that opened it; 0 where that is not known.
    pub(super) fn thread(&self) -> u32 {
        let entry = self.entry.as_ref().filter(|_| self.is_releasable());
        entry.map_or(0, OpenEntry::thread)
    }

    /// The facts that a policy judges, at `now`.
    pub(super) fn facts(&self, now: u64) -> Facts {
        let entry = self.entry.as_ref().filter(|_| self.is_releasable());
        let (opened, touched) = entry.map_or((self.opened, self.opened), OpenEntry::times);
        Facts::at(now, opened, touched)
    }
}

/// A number that grows with each opening on this thread. Threads do not share it, so that they do not
/// meet here; between threads the clock's ticks must do.
fn next_serial() -> u64 {
    thread_local! {
        static NEXT: Cell<u64> = const { Cell::new(0) };
    }
    NEXT.try_with(|next| next.replace(next.get() + 1))
        .unwrap_or(u64::MAX)
}
