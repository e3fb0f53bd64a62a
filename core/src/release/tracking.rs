//! Tracking begins: the resource gets its entry in the ledger and its guard.

use super::backstop::Backstop;
use super::openings;
use super::tracked::Tracked;
use super::tracked_state::{Parts, TrackedState};
use crate::ledger::{NewEntry, OpenEntry, Share, State};
use crate::resource::{ResourceId, Site, TrackedResource};

impl Backstop {
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
        let entry = self.ledger().and_then(|ledger| {
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

    pub(super) fn guard<R: TrackedResource>(
        &self,
        parts: Parts,
        entry: Option<OpenEntry>,
        resource: R,
    ) -> Tracked<R> {
        let parent = parts.parent;
        let share = match entry {
            Some(entry) => self.attachments().attach(entry, |entry| {
                let (tables, guards) = Share::two(TrackedState::new(parts, Some(entry)), resource);
                (tables.into_any(), guards)
            }),
            None => Share::one(TrackedState::new(parts, None), resource),
        };
        if let Some(parent) = parent.and_then(|id| self.attachments().find(id)) {
            parent.adopt_child();
        }
        openings::note(&share);
        Tracked::of(share)
    }
}
