//! The bytes of a ledger, checked where they are used.

use super::owner_record::OwnerRecord;
use super::slot_view::SlotView;
use crate::error::{Error, ErrorKind, Stage};
use crate::ledger::layout::{self, RecordTag, record_checksum};

/// A ledger's bytes whose header checks.
#[derive(Debug)]
pub(super) struct LedgerBytes {
    bytes: Vec<u8>,
    owner: OwnerRecord,
    /// Where each segment of slots has its slots, and the first one's position.
    slot_runs: Vec<SlotRun>,
    damage: Vec<Damage>,
}

#[derive(Debug)]
struct SlotRun {
    start: usize,
    end: usize,
    first: u32,
}

/// A place in a ledger that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where, in bytes from the file's start.
    pub offset: u64,
    /// What is wrong there.
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
            .ok_or_else(|| corrupt("the ledger ends within its header", bytes.len()))?;
        if header[..8] != layout::MAGIC {
            return Err(corrupt("not a ledger", 0));
        }
        if number(header, 8) != Some(layout::VERSION) {
            return Err(
                corrupt("the ledger is of another version", 8).with("expected", layout::VERSION)
            );
        }
        if number(header, 12) != Some(layout::BYTE_ORDER) {
            return Err(corrupt("the ledger is of another byte order", 12));
        }
        let fixed = &header[layout::FIXED_START..layout::FIXED_END];
        if number(header, layout::HEADER_CHECKSUM) != Some(crc32fast::hash(fixed)) {
            return Err(corrupt(
                "the ledger's header does not check",
                layout::HEADER_CHECKSUM,
            ));
        }
        let owner = OwnerRecord::decode(fixed).map_err(|cause| {
            corrupt(
                "the ledger's owner record cannot be read",
                layout::FIXED_START,
            )
            .with("cause", cause)
        })?;
        let mut ledger = Self {
            bytes,
            owner,
            slot_runs: Vec::new(),
            damage: Vec::new(),
        };
        ledger.find_segments();
        Ok(ledger)
    }

    fn find_segments(&mut self) {
        let count = number(&self.bytes, layout::SEGMENT_COUNT).unwrap_or(0);
        let mut start = layout::HEADER_LENGTH;
        for _ in 0..count {
            let Some(segment) = self.bytes.get(start..start + layout::SEGMENT_HEADER) else {
                return self.note(start, "a segment is missing");
            };
            let tag = number(segment, 0).unwrap_or(0);
            let length = number(segment, 4).unwrap_or(0) as usize;
            let first = number(segment, 8).unwrap_or(0);
            let sound = (layout::SMALLEST_SEGMENT..=layout::LARGEST_SEGMENT).contains(&length)
                && length.is_power_of_two();
            if !sound {
                return self.note(start, "a segment's length makes no sense");
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
                _ => self.note(start, "a segment's tag is unknown"),
            }
            start += length;
        }
    }

    fn note(&mut self, offset: usize, what: &str) {
        if self.damage.len() < Self::MOST_DAMAGE {
            self.damage.push(Damage {
                offset: offset as u64,
                what: what.to_owned(),
            });
        }
    }

    pub(super) fn owner(&self) -> &OwnerRecord {
        &self.owner
    }

    pub(super) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    pub(super) fn untracked(&self) -> u64 {
        let start = layout::UNTRACKED;
        self.bytes[start..]
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = SlotView<'_>> {
        self.slot_runs.iter().flat_map(move |run| {
            self.bytes[run.start..run.end]
                .chunks_exact(layout::SLOT_LENGTH)
                .enumerate()
                .filter_map(move |(index, line)| {
                    let position = run.first.checked_add(u32::try_from(index).ok()?)?;
                    let offset = run.start + index * layout::SLOT_LENGTH;
                    SlotView::of_line(self, line, position, offset as u64)
                })
        })
    }

    /// The text of the record at `position`, if it is one of `tags` and belongs to this resource.
    pub(super) fn text(
        &self,
        position: u32,
        tags: &[RecordTag],
        slot: u32,
        generation: u32,
    ) -> Result<&str, &'static str> {
        let start = position as usize * layout::RECORD_UNIT;
        let header = self
            .bytes
            .get(start..start + layout::RECORD_HEADER)
            .ok_or("beyond the file")?;
        let field = |index: usize| number(header, index * 4).unwrap_or(0);
        let (length, checksum, tag) = (field(0) as usize, field(1), field(2));
        if !tags.iter().any(|allowed| *allowed as u32 == tag) {
            return Err("not such a record");
        }
        let shared = (field(3), field(4)) == (0, 0) && tag <= RecordTag::SharedLabel as u32;
        if !shared && (field(3), field(4)) != (slot, generation) {
            return Err("another resource's record");
        }
        if length > layout::RECORD_LIMIT {
            // Else many slots that name one huge text would make a small file fill the memory.
            return Err("longer than a record can be");
        }
        let payload_start = start + layout::RECORD_HEADER;
        let payload = self
            .bytes
            .get(payload_start..payload_start.saturating_add(length))
            .ok_or("longer than the file")?;
        if record_checksum(tag, field(3), field(4), payload) != checksum {
            return Err("its check sum is wrong");
        }
        std::str::from_utf8(payload).map_err(|_| "not text")
    }
}

fn number(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_ne_bytes(*field))
}
