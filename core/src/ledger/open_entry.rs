//! One resource's entry while it is open.

use std::borrow::Cow;

use super::entry::State;
use super::layout::RecordTag;
use super::own_texts::{OwnTexts, Texts};
use super::owner::Ledger;
use super::slot::SlotHandle;
use crate::error::{Error, ErrorKind, Stage};
use crate::resource::{Footprint, Kind, Recipe, ResourceId, Site};
use backstop_os::fork;

/// One resource's entry while it is open, and its own texts.
#[derive(Debug)]
pub struct OpenEntry {
    ledger: Ledger,
    slot: SlotHandle,
    texts: OwnTexts,
}

/// The content of a new entry.
pub(crate) struct NewEntry<'a> {
    pub(crate) state: State,
    pub(crate) kind: Kind,
    pub(crate) site: Site,
    pub(crate) label: &'a Cow<'static, str>,
    pub(crate) recipe: Option<&'a Recipe>,
    pub(crate) footprint: Footprint,
    pub(crate) parent: Option<ResourceId>,
    /// When it is opened: nanoseconds of the tracker's clock.
    pub(crate) now: u64,
}

impl OpenEntry {
    pub(super) fn new(ledger: Ledger, slot: SlotHandle, texts: Texts) -> Self {
        Self {
            ledger,
            slot,
            texts: OwnTexts::new(texts),
        }
    }

    /// The identifier of the resource.
    #[must_use]
    pub fn id(&self) -> ResourceId {
        self.slot.id()
    }

    /// Whether it is an entry of this ledger.
    pub(super) fn is_of(&self, ledger: Ledger) -> bool {
        self.ledger.is(ledger)
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> State {
        // A handle's slot always has a state: it was stored when the slot was taken.
        self.slot.state().unwrap_or(State::Intent)
    }

    /// When it was opened and when it was last touched: nanoseconds of the coarse monotonic clock.
    #[must_use]
    pub fn times(&self) -> (u64, u64) {
        self.slot.times()
    }

    /// The thread that opened it.
    #[must_use]
    pub fn thread(&self) -> u32 {
        self.slot.thread()
    }

    /// What it occupies.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        self.slot.footprint()
    }

    pub(crate) fn set_state(&self, state: State) {
        if fork::is_original_process() {
            self.slot.set_state(state);
        }
    }

    pub(crate) fn set_footprint(&self, footprint: Footprint) {
        if fork::is_original_process() {
            self.slot.set_footprint(footprint);
        }
    }

    pub(crate) fn touch(&self, now: u64) {
        if fork::is_original_process() {
            self.slot.touch(now);
        }
    }

    /// Replaces the recipe, unless `is_open` reports that it is too late: the new one is complete
    /// before it is referenced.
    pub(crate) fn set_recipe(
        &self,
        recipe: &Recipe,
        is_open: impl Fn() -> bool,
    ) -> Result<(), Error> {
        if !fork::is_original_process() {
            return Ok(());
        }
        let set = |texts: &mut Texts| {
            let written = self.ledger.own(
                RecordTag::Recipe,
                self.slot.id(),
                self.slot.kind(),
                recipe.as_str(),
            );
            let Some((position, space)) = written else {
                return Err(Error::new(
                    ErrorKind::Limit,
                    Stage::Track,
                    "no space in the ledger for a recipe",
                ));
            };
            self.slot.swap_recipe(position);
            if let Some(old) = texts.recipe.replace(space) {
                self.ledger.free_records([old]);
            }
            Ok(())
        };
        self.texts.change(is_open, set).unwrap_or(Ok(()))
    }

    /// Closes the entry and frees its slot and texts. Called once, by the thread entitled to
    /// release it; the entry must not be used afterwards.
    pub(crate) fn close(&self) {
        if !fork::is_original_process() {
            return;
        }
        self.slot.set_state(State::Closed);
        if let Some(texts) = self.texts.take() {
            self.ledger
                .free_records(texts.label.into_iter().chain(texts.recipe));
        }
        self.ledger.give_back(self.slot.free());
    }
}
