//! One resource's entry while it is open.

use std::borrow::Cow;

use super::entry::State;
use super::layout::RecordTag;
use super::owner::Ledger;
use super::records::Space;
use super::slot::SlotHandle;
use crate::error::{Error, ErrorKind, Stage};
use crate::os::fork;
use crate::resource::{Footprint, Kind, Recipe, ResourceId, Site};

/// One resource's entry while it is open, and the texts that are its own.
#[derive(Debug)]
pub struct OpenEntry {
    pub(super) ledger: Ledger,
    pub(super) slot: SlotHandle,
    pub(super) label: Option<Space>,
    pub(super) recipe: Option<Space>,
}

/// What a new entry says.
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
    /// Which resource it is.
    #[must_use]
    pub fn id(&self) -> ResourceId {
        self.slot.id()
    }

    /// How far its life has come.
    #[must_use]
    pub fn state(&self) -> State {
        // A handle's slot always holds a state: it was stored when the slot was taken.
        self.slot.state().unwrap_or(State::Intent)
    }

    /// When it was opened and when it was last touched: nanoseconds of the coarse monotonic clock.
    #[must_use]
    pub fn times(&self) -> (u64, u64) {
        self.slot.times()
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

    /// Replaces the recipe: the new one is written whole before it is pointed to.
    pub(crate) fn set_recipe(&mut self, recipe: &Recipe) -> Result<(), Error> {
        if !fork::is_original_process() {
            return Ok(());
        }
        let written = self
            .ledger
            .own(RecordTag::Recipe, self.slot.id(), recipe.as_str());
        let Some((position, space)) = written else {
            return Err(Error::new(
                ErrorKind::Limit,
                Stage::Track,
                "there is no space in the ledger for a recipe",
            ));
        };
        self.slot.swap_recipe(position);
        if let Some(old) = self.recipe.replace(space) {
            self.ledger.free_records([old]);
        }
        Ok(())
    }

    /// Closes the entry and gives its slot and texts back.
    pub(crate) fn close(self) {
        if !fork::is_original_process() {
            return;
        }
        let Self {
            ledger,
            slot,
            label,
            recipe,
        } = self;
        slot.set_state(State::Closed);
        if label.is_some() || recipe.is_some() {
            ledger.free_records(label.into_iter().chain(recipe));
        }
        ledger.give_back(slot.into_free());
    }
}
