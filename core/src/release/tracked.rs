//! The guard.

use std::fmt;
use std::ops::Deref;

use super::backstop::Backstop;
use super::clock::Clock;
use super::record::{Cause, Release};
use super::tracked_state::TrackedState;
use crate::error::Error;
use crate::ledger::Share;
use crate::resource::{Footprint, Kind, Recipe, ResourceId, Rung, Site, TrackedResource};

/// Owns a resource and releases it on drop.
///
/// # Guarantees
/// The resource is released exactly once: by this guard, or before it by its scope,
/// its parent, a policy or shutdown. [`get`](Self::get) is an error after that.
///
/// Drop waits for the release as long as the policy's
/// [patience](crate::policy::CleanupPolicy::with_drop_patience), then leaves it to a thread of its own;
/// its record is in [`Backstop::history`]. [`release`](Self::release) waits for the end and returns
/// the record.
///
/// # When it does not hold
/// In a forked child dropping does nothing: the resource is the parent's. After `mem::forget` nothing
/// releases it but shutdown, a policy or the reclaimer.
#[must_use = "dropping the guard releases the resource"]
pub struct Tracked<R: TrackedResource> {
    state: Option<Share<TrackedState, R>>,
}

/// The resource was released before this use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} opened at {site} was released before this use")]
pub struct Revoked {
    /// What it was.
    pub kind: Kind,
    /// Where it was opened.
    pub site: Site,
}

impl<R: TrackedResource> Tracked<R> {
    pub(super) fn of(state: Share<TrackedState, R>) -> Self {
        Self { state: Some(state) }
    }

    pub(super) fn state(&self) -> &Share<TrackedState, R> {
        self.state
            .as_ref()
            .expect("a guard holds its state until it is consumed")
    }

    pub(super) fn into_state(mut self) -> Share<TrackedState, R> {
        self.state
            .take()
            .expect("a guard holds its state until it is consumed")
    }

    /// Which resource it is; `None` if it is untracked.
    #[must_use]
    pub fn id(&self) -> Option<ResourceId> {
        self.state().id()
    }

    /// Where it was opened.
    #[must_use]
    pub fn site(&self) -> Site {
        self.state().site
    }

    /// The resource, unless its release has begun.
    ///
    /// # Errors
    /// It was released by a policy, its parent or shutdown.
    pub fn get(&self) -> Result<&R, Revoked> {
        let state = self.state();
        if state.is_open() {
            Ok(&state.resource)
        } else {
            Err(Revoked {
                kind: state.kind,
                site: state.site,
            })
        }
    }

    /// Notes that it is in use, so that it does not count as idle.
    pub fn touch(&self) {
        let now = self.state().backstop.now();
        self.state().touch(now);
    }

    /// Notes that it was in use at a time that was just read from this clock; another clock is read only
    /// if this tracker has another.
    pub(super) fn touch_at(&self, clock: &Clock, now: u64) {
        if self.state().backstop.clock().is(clock) {
            self.state().touch(now);
        } else {
            self.touch();
        }
    }

    /// Notes what it occupies now.
    pub fn set_footprint(&self, footprint: Footprint) {
        self.state().set_footprint(footprint);
    }

    /// Sets the recipe by which another process can release it from here on.
    ///
    /// # Errors
    /// There is no space for it in the ledger; the old recipe is kept.
    pub fn set_recipe(&self, recipe: &Recipe) -> Result<(), Error> {
        self.state().set_recipe(recipe)
    }

    /// Releases it and waits for the end, whatever the outcome.
    pub fn release(self) -> Release {
        self.release_from(Rung::Ask)
    }

    /// Releases it without asking first.
    pub fn force(self) -> Release {
        self.release_from(Rung::Force)
    }

    fn release_from(self, first: Rung) -> Release {
        Backstop::release_one(self.into_state().into_any(), Cause::Asked, first)
    }

    /// Detaches the resource: the guard will not release it, and its entry is removed from the ledger.
    /// False if its release had begun before.
    pub fn dismiss(self) -> bool {
        let state = self.into_state();
        let won = state.begin_release();
        if won {
            drop(state.end_quietly());
        }
        won
    }
}

impl<R: TrackedResource> Deref for Tracked<R> {
    type Target = R;

    /// The resource itself, released or not: what it returns after a release depends on its kind.
    /// [`get`](Tracked::get) is an error then for all kinds.
    fn deref(&self) -> &R {
        &self.state().resource
    }
}

impl<R: TrackedResource> Drop for Tracked<R> {
    fn drop(&mut self) {
        let Some(state) = self.state.take() else {
            return;
        };
        let cause = if std::thread::panicking() {
            Cause::Panicked
        } else {
            Cause::Dropped
        };
        Backstop::release_dropped(state.into_any(), cause);
    }
}

impl<R: TrackedResource> fmt::Debug for Tracked<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        write!(formatter, "Tracked({} at {})", state.kind, state.site)
    }
}
