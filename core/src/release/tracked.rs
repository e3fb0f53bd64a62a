//! The guard.

use std::fmt;
use std::ops::Deref;

use super::backstop::Backstop;
use super::cell::{AnyCell, Cell};
use super::clock::Clock;
use super::record::{Cause, Outcome, Release};
use crate::error::Error;
use crate::ledger::Share;
use crate::resource::{Deadline, Footprint, Kind, Recipe, ResourceId, Rung, Site, TrackedResource};

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
    cell: Option<Share<Cell, R>>,
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
    pub(super) fn of(cell: Share<Cell, R>) -> Self {
        Self { cell: Some(cell) }
    }

    pub(super) fn cell(&self) -> &Share<Cell, R> {
        self.cell
            .as_ref()
            .expect("a guard holds its cell until it is consumed")
    }

    pub(super) fn into_cell(mut self) -> Share<Cell, R> {
        self.cell
            .take()
            .expect("a guard holds its cell until it is consumed")
    }

    /// Which resource it is; `None` if it is untracked.
    #[must_use]
    pub fn id(&self) -> Option<ResourceId> {
        self.cell().id()
    }

    /// Where it was opened.
    #[must_use]
    pub fn site(&self) -> Site {
        self.cell().site
    }

    /// The resource, unless its release has begun.
    ///
    /// # Errors
    /// Somebody else released it: a policy, its parent, shutdown.
    pub fn get(&self) -> Result<&R, Revoked> {
        let cell = self.cell();
        if cell.is_open() {
            Ok(&cell.resource)
        } else {
            Err(Revoked {
                kind: cell.kind,
                site: cell.site,
            })
        }
    }

    /// Notes that it is in use, so that it does not count as idle.
    pub fn touch(&self) {
        let now = self.cell().backstop.now();
        self.cell().touch(now);
    }

    /// Notes that it was in use at a time that this clock has just told: no other is read if it is
    /// this tracker's too.
    pub(super) fn touch_at(&self, clock: &Clock, now: u64) {
        if self.cell().backstop.clock().is(clock) {
            self.cell().touch(now);
        } else {
            self.touch();
        }
    }

    /// Notes what it occupies now.
    pub fn set_footprint(&self, footprint: Footprint) {
        self.cell().set_footprint(footprint);
    }

    /// Notes how someone else can release it now.
    ///
    /// # Errors
    /// There is no space for it in the ledger; the old recipe stands.
    pub fn set_recipe(&self, recipe: &Recipe) -> Result<(), Error> {
        self.cell().set_recipe(recipe)
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
        Backstop::release_cell(self.into_cell().into_any(), Cause::Asked, first)
    }

    /// Lets the guard go without releasing: the resource is someone else's from here on, and the
    /// ledger forgets it. False if its release had begun before.
    pub fn dismiss(self) -> bool {
        let cell = self.into_cell();
        let won = cell.begin_release();
        if won {
            drop(cell.end_quietly());
        }
        won
    }
}

impl<R: TrackedResource> Deref for Tracked<R> {
    type Target = R;

    /// The resource itself, released or not: what it answers after a release is its own affair.
    /// [`get`](Tracked::get) answers that for all kinds alike.
    fn deref(&self) -> &R {
        &self.cell().resource
    }
}

impl<R: TrackedResource> Drop for Tracked<R> {
    fn drop(&mut self) {
        let Some(cell) = self.cell.take() else {
            return;
        };
        let cause = if std::thread::panicking() {
            Cause::Panicked
        } else {
            Cause::Dropped
        };
        Backstop::drop_cell(cell.into_any(), cause);
    }
}

impl<R: TrackedResource> fmt::Debug for Tracked<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cell = self.cell();
        write!(formatter, "Tracked({} at {})", cell.kind, cell.site)
    }
}

impl Release {
    /// The account of a release that someone else did first, and that left none.
    pub(super) fn by_another(cell: &AnyCell, cause: Cause, outcome: Outcome) -> Self {
        Self {
            id: cell.id(),
            kind: cell.kind,
            label: super::ladder::label_of(cell),
            site: cell.site,
            cause,
            outcome,
            rung: Rung::Ask,
            attempts: 0,
            took: std::time::Duration::ZERO,
            errors: Vec::new(),
        }
    }

    pub(super) fn wait_for_another(cell: &AnyCell, cause: Cause, deadline: Deadline) -> Self {
        cell.await_end(deadline).unwrap_or_else(|| {
            let outcome = if cell.is_being_released() {
                Outcome::Stuck {
                    holder: None,
                    reason: "another release of it has not ended".into(),
                }
            } else {
                Outcome::Released
            };
            Self::by_another(cell, cause, outcome)
        })
    }
}
