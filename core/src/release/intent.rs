//! A resource announced before it is created.

use std::borrow::Cow;

use super::backstop::Backstop;
use super::tracked::Tracked;
use super::tracked_state::Parts;
use crate::error::Error;
use crate::ledger::{NewEntry, OpenEntry, State};
use crate::policy::CleanupPolicy;
use crate::resource::{Footprint, Kind, Recipe, ResourceId, Site, TrackedResource};

/// What an intent will say, until it is [declared](Self::declare).
#[derive(Debug)]
#[must_use = "nothing is written until `declare`"]
pub struct IntentDraft {
    backstop: Backstop,
    kind: Kind,
    label: Cow<'static, str>,
    site: Site,
    recipe: Option<Recipe>,
    parent: Option<ResourceId>,
    policy: Option<Box<CleanupPolicy>>,
}

/// A resource that is about to be created, written in the ledger.
///
/// # When it does not hold
/// Dropping it leaves the intent in the ledger, because the resource may exist: it is searched for when
/// this process has ended. Call [`abandon`](Self::abandon) when it certainly does not exist.
#[derive(Debug)]
#[must_use = "an intent is fulfilled or abandoned"]
pub struct Intent {
    backstop: Backstop,
    kind: Kind,
    site: Site,
    parent: Option<ResourceId>,
    policy: Option<Box<CleanupPolicy>>,
    entry: Option<OpenEntry>,
    opened: u64,
}

impl Backstop {
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
}

impl IntentDraft {
    fn new(backstop: Backstop, kind: Kind, label: Cow<'static, str>, site: Site) -> Self {
        Self {
            backstop,
            kind,
            label,
            site,
            recipe: None,
            parent: None,
            policy: None,
        }
    }

    /// How another process can find and release it, if this one dies before it is fulfilled.
    pub fn recipe(mut self, recipe: Recipe) -> Self {
        self.recipe = Some(recipe);
        self
    }

    /// The resource that it belongs to.
    pub fn parent(mut self, parent: Option<ResourceId>) -> Self {
        self.parent = parent;
        self
    }

    /// Where it is opened, instead of where the draft was begun.
    pub fn site(mut self, site: Site) -> Self {
        self.site = site;
        self
    }

    /// Rules of its own, instead of its kind's.
    pub fn policy(mut self, policy: CleanupPolicy) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Writes the intent. Create the resource only after this.
    pub fn declare(self) -> Intent {
        let now = self.backstop.now();
        let entry = self.backstop.ledger().and_then(|ledger| {
            ledger.enter(&NewEntry {
                state: State::Intent,
                kind: self.kind,
                site: self.site,
                label: &self.label,
                recipe: self.recipe.as_ref(),
                footprint: Footprint::default(),
                parent: self.parent,
                now,
            })
        });
        Intent {
            backstop: self.backstop,
            kind: self.kind,
            site: self.site,
            parent: self.parent,
            policy: self.policy,
            entry,
            opened: now,
        }
    }
}

impl Intent {
    /// Which resource it will be; `None` if it is untracked.
    #[must_use]
    pub fn id(&self) -> Option<ResourceId> {
        self.entry.as_ref().map(OpenEntry::id)
    }

    /// Replaces the recipe, when more is known but not yet all.
    ///
    /// # Errors
    /// There is no space for it in the ledger; the old recipe is kept.
    pub fn set_recipe(&self, recipe: &Recipe) -> Result<(), Error> {
        match &self.entry {
            Some(entry) => entry.set_recipe(recipe, || true),
            None => Ok(()),
        }
    }

    /// The resource exists: it is live from here on, and the guard's.
    ///
    /// Its recipe is written again if it says more than the intent's did.
    pub fn fulfil<R: TrackedResource>(self, resource: R) -> Tracked<R> {
        if let Some(entry) = &self.entry {
            if let Some(recipe) = resource.recipe()
                && let Err(error) = entry.set_recipe(&recipe, || true)
            {
                // The intent's recipe is kept; a reclaimer then has less evidence, and reports that.
                tracing::warn!(kind = %self.kind, %error, "the recipe could not be completed");
            }
            entry.set_footprint(resource.footprint());
            entry.set_state(State::Live);
        }
        let Self {
            backstop,
            kind,
            site,
            parent,
            policy,
            entry,
            opened,
        } = self;
        let parts = Parts {
            backstop,
            kind,
            site,
            parent,
            policy,
            opened,
        };
        backstop.guard(parts, entry, resource)
    }

    /// The resource was not created, or is gone again: its entry is removed from the ledger.
    pub fn abandon(self) {
        if let Some(entry) = self.entry {
            entry.close();
        }
    }
}
