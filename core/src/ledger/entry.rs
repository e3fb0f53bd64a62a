//! One resource, as recorded in a ledger.

use std::fmt;

use serde::Serialize;

use crate::resource::{Footprint, Recipe, ResourceId};

/// The state of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum State {
    /// About to be created: it may or may not exist.
    Intent = 1,
    /// It exists.
    Live = 2,
    /// Its release has started and is not yet verified.
    Closing = 3,
    /// A verification found it gone.
    Closed = 4,
}

impl State {
    /// The state in a slot's word; `None` for an unused slot and for an invalid byte.
    pub(super) fn of_byte(byte: u8) -> Option<Self> {
        [Self::Intent, Self::Live, Self::Closing, Self::Closed]
            .into_iter()
            .find(|state| *state as u8 == byte)
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Intent => "intent",
            Self::Live => "live",
            Self::Closing => "closing",
            Self::Closed => "closed",
        })
    }
}

/// How the placeholder for an unreadable text starts. No kind starts like this.
pub(super) const UNREADABLE: &str = "(unreadable: ";

/// A resource that is not closed, as a reader found it. Its content is not trusted: it was written
/// by another process, which may have died halfway.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its identifier in its process.
    pub id: ResourceId,
    /// Its state.
    pub state: State,
    /// The kind's name as written, which this program need not know.
    pub kind: String,
    /// Its label, for people.
    pub label: String,
    /// Where in the code it was opened.
    pub site: String,
    /// When it was opened: nanoseconds of the monotonic clock of the owner's boot.
    pub opened: u64,
    /// When it was last touched, on the same clock.
    pub touched: u64,
    /// What it occupies.
    pub footprint: Footprint,
    /// The resource that it belongs to.
    pub parent: Option<ResourceId>,
    /// The thread that opened it.
    pub thread: u32,
    /// How another process can release it, if that is readable.
    pub recipe: Option<Recipe>,
    /// Whether a recipe was written, readable or not.
    pub has_recipe: bool,
}

impl Entry {
    /// Whether its kind could be read.
    #[must_use]
    pub fn is_kind_readable(&self) -> bool {
        !self.kind.starts_with(UNREADABLE)
    }
}
