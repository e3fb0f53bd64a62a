//! The bytes of a ledger, checked where they are used.

use std::sync::OnceLock;

use super::owner_record::OwnerRecord;
use crate::error::{Error, ErrorKind, Stage};
use crate::ledger::entry::State;
use crate::ledger::layout::{self, RecordTag, record_checksum};

/// A ledger's bytes with a valid header.
#[derive(Debug)]
pub(super) struct LedgerBytes {
    bytes: Vec<u8>,
    owner: OwnerRecord,
    /// Where each segment of slots has its slots, and the position of the first one.
    slot_runs: Vec<SlotRun>,
    misplaced: Vec<Damage>,
    /// That and the damage in the slots, searched on demand.
    damage: OnceLock<Vec<Damage>>,
}

#[derive(Debug)]
struct SlotRun {
    start: usize,
    end: usize,
    first: u32,
}

/// A damaged place in a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The offset from the start of the file, in bytes.
    pub offset: u64,
    /// The damage.
    pub what: String,
}

impl LedgerBytes {
    const MOST_DAMAGE: usize = 100;

    pub(super) fn check(bytes: Vec<u8>) -> Result<Self, Error> {
        let corrupt = |message: &'static str, offset: usize| {
            Error::new(ErrorKind::Corrupt, Stage::Read, message).with("offset", offset)
        };
        let header = bytes
            .get(..layout::HEADER_LENGTH)
            .ok_or_else(|| corrupt("the file ends within the ledger's header", bytes.len()))?;
        if header[..8] != layout::MAGIC {
            return Err(corrupt("not a ledger", 0));
        }
        if number(header, 8) != Some(layout::VERSION) {
            return Err(corrupt("unsupported ledger version", 8).with("expected", layout::VERSION));
        }
        if number(header, 12) != Some(layout::BYTE_ORDER) {
            return Err(corrupt("unsupported byte order", 12));
        }
        let fixed = &header[layout::FIXED_START..layout::FIXED_END];
        if number(header, layout::HEADER_CHECKSUM) != Some(crc32fast::hash(fixed)) {
            return Err(corrupt("header checksum mismatch", layout::HEADER_CHECKSUM));
        }
        let owner = OwnerRecord::decode(fixed).map_err(|cause| {
            corrupt("invalid owner record", layout::FIXED_START).with("cause", cause)
        })?;
        let mut ledger = Self {
            bytes,
            owner,
            slot_runs: Vec::new(),
            misplaced: Vec::new(),
            damage: OnceLock::new(),
        };
        ledger.find_segments();
        Ok(ledger)
    }

    fn find_segments(&mut self) {
        let count = number(&self.bytes, layout::SEGMENT_COUNT).unwrap_or(0);
        let mut start = layout::HEADER_LENGTH;
        for index in 0.. {
            // Segments after the last counted one are read too: the count has no checksum, and what
            // it omits would be lost. The owner may just be adding one, so nothing there counts as
            // damage.
            let is_counted = index < count;
            let Some(segment) = self.bytes.get(start..start + layout::SEGMENT_HEADER) else {
                if is_counted {
                    self.note(start, "missing segment");
                }
                return;
            };
            let tag = number(segment, 0).unwrap_or(0);
            let length = number(segment, 4).unwrap_or(0) as usize;
            let first = number(segment, 8).unwrap_or(0);
            let sound = (layout::SMALLEST_SEGMENT..=layout::LARGEST_SEGMENT).contains(&length)
                && length.is_power_of_two();
            if !sound {
                if is_counted {
                    self.note(start, "invalid segment length");
                }
                return;
            }
            let end = (start + length).min(self.bytes.len());
            if end < start + length {
                self.note(end, "the file ends within a segment");
            }
            match tag {
                layout::SLOTS_TAG => self.slot_runs.push(SlotRun {
                    start: start + layout::SEGMENT_HEADER,
                    end,
                    first,
                }),
                layout::RECORDS_TAG => {}
                _ => self.note(start, "unknown segment type"),
            }
            start += length;
        }
    }

    fn note(&mut self, offset: usize, what: &str) {
        if self.misplaced.len() < Self::MOST_DAMAGE {
            self.misplaced.push(Damage::at(offset, what));
        }
    }

    pub(super) fn owner(&self) -> &OwnerRecord {
        &self.owner
    }

    pub(super) fn damage(&self) -> &[Damage] {
        self.damage.get_or_init(|| {
            let invalid = self.lines().filter(|(_, _, line)| is_invalid(line));
            let invalid = invalid.map(|(_, offset, _)| Damage::at(offset, "invalid slot state"));
            let mut damage = self.misplaced.clone();
            damage.extend(invalid.take(Self::MOST_DAMAGE - damage.len()));
            damage
        })
    }

    pub(super) fn untracked(&self) -> u64 {
        let start = layout::UNTRACKED;
        self.bytes[start..]
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }

    /// Every slot: its position, its offset, its bytes. One beyond the last position has none.
    pub(super) fn lines(&self) -> impl Iterator<Item = (Option<u32>, usize, &[u8])> {
        self.slot_runs.iter().flat_map(move |run| {
            let lines = self.bytes[run.start..run.end].chunks_exact(layout::SLOT_LENGTH);
            lines.enumerate().map(move |(index, line)| {
                let position = u32::try_from(index)
                    .ok()
                    .and_then(|index| run.first.checked_add(index));
                (position, run.start + index * layout::SLOT_LENGTH, line)
            })
        })
    }

    /// The text of the record at `position`, if it has one of these tags, belongs to this resource
    /// and was written for its kind.
    pub(super) fn text(
        &self,
        position: u32,
        tags: &[RecordTag],
        (slot, generation): (u32, u32),
        kind: u32,
    ) -> Result<&str, &'static str> {
        let start = position as usize * layout::RECORD_UNIT;
        let header = self
            .bytes
            .get(start..start + layout::RECORD_HEADER)
            .ok_or("beyond the end of the file")?;
        let field = |index: usize| number(header, index * 4).unwrap_or(0);
        let (length, checksum, tag) = (field(0) as usize, field(1), field(2));
        if !tags.iter().any(|allowed| *allowed as u32 == tag) {
            return Err("unexpected record type");
        }
        let shared = (field(3), field(4)) == (0, 0) && tag <= RecordTag::SharedLabel as u32;
        if !shared && (field(3), field(4)) != (slot, generation) {
            return Err("another resource's record");
        }
        // Zero: not recorded by its writer.
        if ![0, kind].contains(&field(5)) {
            return Err("a record for another kind");
        }
        if length > layout::RECORD_LIMIT {
            // Otherwise many slots that refer to one huge text would let a small file fill the
            // memory.
            return Err("longer than the limit of a record");
        }
        let payload_start = start + layout::RECORD_HEADER;
        let payload = self
            .bytes
            .get(payload_start..payload_start.saturating_add(length))
            .ok_or("beyond the end of the file")?;
        if record_checksum(tag, field(3), field(4), payload) != checksum {
            return Err("checksum mismatch");
        }
        std::str::from_utf8(payload).map_err(|_| "not valid UTF-8")
    }
}

impl Damage {
    fn at(offset: usize, what: &str) -> Self {
        Self {
            offset: offset as u64,
            what: what.to_owned(),
        }
    }
}

/// Whether a slot is neither unused nor in a valid state.
fn is_invalid(line: &[u8]) -> bool {
    let word = line
        .first_chunk::<8>()
        .map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    word != 0 && State::of_byte(word as u8).is_none()
}

fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_ne_bytes(*field))
}
