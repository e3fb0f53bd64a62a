//! Writing a new entry: on the fast path from what the thread has at hand, else with the ledger's locks.

use std::borrow::Cow;

use super::layout::RecordTag;
use super::open_entry::{NewEntry, OpenEntry};
use super::own_texts::Texts;
use super::owner::{Ledger, clipped};
use super::slot::{FreeSlot, Opening, SlotHandle};
use super::thread_cache::{CallNames, Local, Places};
use backstop_os::fork;

impl Ledger {
    /// Writes a new entry. `None` if there is no space for it, or in a forked child, which must not
    /// write into its parent's ledger: the resource is then untracked, and counted as such.
    pub(crate) fn enter(&self, new: &NewEntry<'_>) -> Option<OpenEntry> {
        if !fork::is_original_process() {
            return None;
        }
        let entry = self.try_enter(new);
        if entry.is_none() {
            self.count_untracked();
        }
        entry
    }

    fn try_enter(&self, new: &NewEntry<'_>) -> Option<OpenEntry> {
        if let Some(entry) = self.enter_at_once(new) {
            return Some(entry);
        }
        let free = self.take_free()?;
        let entry = self.describe(free, new);
        if entry.is_none() {
            self.give_back(free);
        }
        entry
    }

    /// The fast path of most entries: this thread has a free slot and all names cached, and there
    /// is no own text to write.
    fn enter_at_once(&self, new: &NewEntry<'_>) -> Option<OpenEntry> {
        let (Cow::Borrowed(label), None) = (new.label, new.recipe) else {
            return None;
        };
        let (free, opening) = Local::with(self.number(), |local| {
            let places = local.places(CallNames::of(new.site, new.kind, label))?;
            let opening = Opening {
                kind: places.kind,
                site: places.site,
                label: places.label,
                recipe: 0,
                now: new.now,
                footprint: new.footprint,
                parent: new.parent,
                thread: local.thread,
            };
            Some((local.free.pop()?, opening))
        })??;
        let slot = SlotHandle::take(free, new.state, &opening);
        Some(OpenEntry::new(*self, slot, Texts::default()))
    }

    fn describe(&self, free: FreeSlot, new: &NewEntry<'_>) -> Option<OpenEntry> {
        let id = free.next_id();
        let mut texts = Texts::default();
        let kind = self.shared(RecordTag::Kind, new.kind.name())?;
        let site = self.site(new.site)?;
        let label = match new.label {
            Cow::Borrowed(text) => self.shared(RecordTag::SharedLabel, text)?,
            Cow::Owned(text) => {
                let (position, space) = self.own(RecordTag::Label, id, 0, clipped(text))?;
                texts.label = Some(space);
                position
            }
        };
        let recipe = match new.recipe {
            None => 0,
            Some(recipe) => {
                let written = self.own(RecordTag::Recipe, id, kind, recipe.as_str());
                let Some((position, space)) = written else {
                    self.free_records(texts.label);
                    return None;
                };
                texts.recipe = Some(space);
                position
            }
        };
        let opening = Opening {
            kind,
            site,
            label,
            recipe,
            now: new.now,
            footprint: new.footprint,
            parent: new.parent,
            thread: Local::with(self.number(), |local| local.thread)
                .unwrap_or_else(backstop_os::thread::id),
        };
        if let (Cow::Borrowed(label), None) = (new.label, new.recipe) {
            let places = Places {
                kind: opening.kind,
                site: opening.site,
                label: opening.label,
            };
            let names = CallNames::of(new.site, new.kind, label);
            Local::with(self.number(), |local| local.remember_call(names, places));
        }
        let slot = SlotHandle::take(free, new.state, &opening);
        Some(OpenEntry::new(*self, slot, texts))
    }
}
