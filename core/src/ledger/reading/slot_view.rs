//! One slot in a ledger's bytes.

use super::bytes::LedgerBytes;
use crate::ledger::entry::{Entry, State, UNREADABLE};
use crate::ledger::layout::RecordTag;
use crate::resource::{Bytes, Footprint, Recipe, ResourceId};

/// A resource that is not closed, read in place.
#[derive(Clone, Copy)]
pub struct SlotView<'a> {
    ledger: &'a LedgerBytes,
    line: &'a [u8],
    id: ResourceId,
    state: State,
    offset: u64,
}

impl LedgerBytes {
    /// Every slot that can be read.
    pub(super) fn slots(&self) -> impl Iterator<Item = SlotView<'_>> {
        self.lines().filter_map(|(position, offset, line)| {
            SlotView::of_line(self, line, position?, offset as u64)
        })
    }
}

impl<'a> SlotView<'a> {
    /// The slot in `line`; `None` if it is free, closed, or its state is invalid.
    pub(super) fn of_line(
        ledger: &'a LedgerBytes,
        line: &'a [u8],
        position: u32,
        offset: u64,
    ) -> Option<Self> {
        let word = line
            .first_chunk::<8>()
            .map(|bytes| u64::from_ne_bytes(*bytes))?;
        let state = State::of_byte(word as u8).filter(|state| *state != State::Closed)?;
        Some(Self {
            ledger,
            line,
            id: ResourceId {
                slot: position,
                generation: (word >> 32) as u32,
            },
            state,
            offset,
        })
    }

    /// The identifier of the resource.
    #[must_use]
    pub fn id(&self) -> ResourceId {
        self.id
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The slot's offset in the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// When it was opened: nanoseconds of the owner's monotonic clock.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.long(8)
    }

    /// When it was last touched.
    #[must_use]
    pub fn touched(&self) -> u64 {
        self.long(16)
    }

    /// What it occupies.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        Footprint {
            bytes: Bytes(self.long(24)),
            handles: self.short(32),
        }
    }

    /// The kind's name.
    ///
    /// # Errors
    /// The record is corrupt; the error describes how.
    pub fn kind(&self) -> Result<&'a str, &'static str> {
        self.text(self.short(36), &[RecordTag::Kind])
    }

    /// Where in the code it was opened.
    ///
    /// # Errors
    /// The record is corrupt; the error describes how.
    pub fn site(&self) -> Result<&'a str, &'static str> {
        self.text(self.short(40), &[RecordTag::Site])
    }

    /// Its label, for people.
    ///
    /// # Errors
    /// The record is corrupt; the error describes how.
    pub fn label(&self) -> Result<&'a str, &'static str> {
        self.text(self.short(44), &[RecordTag::SharedLabel, RecordTag::Label])
    }

    /// How another process can release it, if that was recorded.
    ///
    /// # Errors
    /// The record is corrupt; the error describes how.
    pub fn recipe(&self) -> Result<Option<&'a str>, &'static str> {
        match self.short(48) {
            0 => Ok(None),
            position => self.text(position, &[RecordTag::Recipe]).map(Some),
        }
    }

    /// The thread that opened it.
    #[must_use]
    pub fn thread(&self) -> u32 {
        self.short(52)
    }

    /// The resource that it belongs to.
    #[must_use]
    pub fn parent(&self) -> Option<ResourceId> {
        Some(ResourceId {
            slot: self.short(56).checked_sub(1)?,
            generation: self.short(60),
        })
    }

    /// A copy of all of it. A corrupt text is replaced by a description of the damage.
    #[must_use]
    pub fn entry(&self) -> Entry {
        let shown = |text: Result<&str, &str>| match text {
            Ok(text) => text.to_owned(),
            Err(wrong) => format!("{UNREADABLE}{wrong})"),
        };
        Entry {
            id: self.id,
            state: self.state,
            kind: shown(self.kind()),
            label: shown(self.label()),
            site: shown(self.site()),
            opened: self.opened(),
            touched: self.touched(),
            footprint: self.footprint(),
            parent: self.parent(),
            thread: self.thread(),
            has_recipe: self.short(48) != 0,
            recipe: self
                .recipe()
                .ok()
                .flatten()
                .and_then(|text| Recipe::from_text(text.to_owned()).ok()),
        }
    }

    fn text(&self, position: u32, tags: &[RecordTag]) -> Result<&'a str, &'static str> {
        let owner = (self.id.slot, self.id.generation);
        self.ledger.text(position, tags, owner, self.short(36))
    }

    fn long(&self, offset: usize) -> u64 {
        self.line[offset..]
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }

    fn short(&self, offset: usize) -> u32 {
        self.line[offset..]
            .first_chunk::<4>()
            .map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    }
}
