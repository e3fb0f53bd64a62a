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
/// The resource is released exactly once: by this guard, or before it by whoever else has the right
/// (its scope, its parent, a policy, shutdown). Use after that is answered by [`get`](Self::get).
///
/// Drop waits for the release as long as the policy's
/// [patience](crate::policy::CleanupPolicy::with_drop_patience), then leaves it to a thread of its own;
/// what came of it stands in [`Backstop::history`]. [`release`](Self::release) waits to the end and
/// tells.
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
    /// Somebody else released it: a policy, its parent, shutdown.
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

    /// Notes that it was in use at a time that this clock has just told: no other is read if it is
    /// this tracker's too.
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

    /// Notes how someone else can release it now.
    ///
    /// # Errors
    /// There is no space for it in the ledger; the old recipe stands.
    pub fn set_recipe(&self, recipe: &Recipe) -> Result<(), Error> {
        self.state().set_recipe(recipe)
    }

    /// Releases it and waits until that has ended, however it ended.
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

    /// Lets the guard go without releasing: the resource is someone else's from here on, and the
    /// ledger forgets it. False if its release had begun before.
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

    /// The resource itself, released or not: what it answers after a release is its own affair.
    /// [`get`](Tracked::get) answers that for all kinds alike.
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
