//! What is open, for observers.

use std::borrow::Cow;
use std::time::Duration;

use super::backstop::Backstop;
use super::tracked_state::AnyShare;
use crate::policy::CleanupPolicy;
use crate::resource::{Footprint, Kind, ResourceId, Site};

/// A resource that is open, as it was at one moment. It keeps the resource's memory, and not the
/// resource: its guard may release it at any time.
pub struct OpenResource {
    state: AnyShare,
    age: Duration,
    idle: Duration,
}

impl Backstop {
    /// Gives every resource that is open here, in no order, without gathering them first: of a million,
    /// none is held up for longer than a look at it takes.
    pub fn each_open(&self, mut take: impl FnMut(OpenResource)) {
        let now = self.now();
        self.attachments().each(|state| {
            if state.is_releasable() {
                let facts = state.facts(now);
                take(OpenResource {
                    state,
                    age: facts.age,
                    idle: facts.idle,
                });
            }
        });
    }
}

impl OpenResource {
    /// Which resource.
    #[must_use]
    pub fn id(&self) -> Option<ResourceId> {
        self.state.id()
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.state.kind
    }

    /// Where in the code it was opened.
    #[must_use]
    pub fn site(&self) -> Site {
        self.state.site
    }

    /// Which one, for people.
    #[must_use]
    pub fn label(&self) -> Cow<'static, str> {
        self.state.resource.label()
    }

    /// What it occupies.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        self.state.footprint()
    }

    /// How long it has been open.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// How long it has not been touched.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.idle
    }

    /// The rules that are its own, instead of its kind's.
    #[must_use]
    pub fn own_policy(&self) -> Option<&CleanupPolicy> {
        self.state.policy.as_deref()
    }

    /// The thread that opened it; 0 where that is not known.
    #[must_use]
    pub fn thread(&self) -> u32 {
        self.state.thread()
    }
}

impl std::fmt::Debug for OpenResource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("OpenResource")
            .field("id", &self.id())
            .field("kind", &self.kind())
            .field("site", &self.site())
            .finish_non_exhaustive()
    }
}
