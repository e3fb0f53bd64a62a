//! Checksummed texts of varying length, in segments of their own: labels, recipes, kinds, sites.

use super::layout::{RECORD_HEADER, RECORD_LIMIT, RECORD_UNIT, RecordTag, record_checksum};
use super::region::Region;

/// Sizes in which space is allocated and freed: 64 bytes, then powers of two.
const CLASSES: usize = 10;
const SMALLEST_CLASS: usize = 64;
const _: () = assert!(SMALLEST_CLASS << (CLASSES - 1) == RECORD_LIMIT + RECORD_HEADER);

/// Space for records, in segments added to it, kept in free lists by size.
#[derive(Debug, Default)]
pub(super) struct Records {
    free: [Vec<Place>; CLASSES],
    rest: Option<Stretch>,
}

/// Space in a segment: its index, and the offset in it.
#[derive(Debug, Clone, Copy)]
struct Place {
    segment: usize,
    offset: usize,
}

#[derive(Debug)]
struct Stretch {
    segment: usize,
    offset: usize,
    end: usize,
}

/// A written record: its position in the file and its size class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    place: Place,
    class: usize,
}

/// The content of a record, before it is written.
pub(super) struct Record<'a> {
    pub(super) tag: RecordTag,
    pub(super) slot: u32,
    pub(super) generation: u32,
    /// For a text that only its resource's kind can read: the position of that kind.
    pub(super) kind: u32,
    pub(super) payload: &'a [u8],
}

impl Records {
    /// The largest payload.
    pub(super) const LIMIT: usize = RECORD_LIMIT;

    /// Space for a payload of `length` bytes; `None` if a new segment is needed first.
    pub(super) fn allocate(&mut self, length: usize) -> Option<Space> {
        let class = class_of(length + RECORD_HEADER)?;
        if let Some(place) = self.free[class].pop() {
            return Some(Space { place, class });
        }
        let size = SMALLEST_CLASS << class;
        let rest = self.rest.as_mut()?;
        if rest.end - rest.offset < size {
            return None;
        }
        let place = Place {
            segment: rest.segment,
            offset: rest.offset,
        };
        rest.offset += size;
        Some(Space { place, class })
    }

    /// Adds a new segment. The remainder of the last one is split into the sizes that fit.
    pub(super) fn extend(&mut self, segment: usize, start: usize, end: usize) {
        if let Some(mut rest) = self.rest.take() {
            for class in (0..CLASSES).rev() {
                let size = SMALLEST_CLASS << class;
                while rest.end - rest.offset >= size {
                    self.free[class].push(Place {
                        segment: rest.segment,
                        offset: rest.offset,
                    });
                    rest.offset += size;
                }
            }
        }
        self.rest = Some(Stretch {
            segment,
            offset: start,
            end,
        });
    }

    /// Frees space.
    pub(super) fn free(&mut self, space: Space) {
        self.free[space.class].push(space.place);
    }
}

impl Space {
    pub(super) fn segment(self) -> usize {
        self.place.segment
    }

    /// The position in units of the file, for a segment that starts at `segment_start`.
    pub(super) fn position(self, segment_start: u64) -> Option<u32> {
        u32::try_from((segment_start + self.place.offset as u64) / RECORD_UNIT as u64).ok()
    }

    /// Writes the record into its segment. The checksum is stored last, so that a record whose
    /// writer died halfway is detected as corrupt.
    pub(super) fn write(self, region: &Region, record: &Record<'_>) {
        let checksum = record_checksum(
            record.tag as u32,
            record.slot,
            record.generation,
            record.payload,
        );
        let start = self.place.offset;
        // Never equal by chance: a torn record keeps the checksum of zero length.
        let fields = [
            record.payload.len() as u32,
            checksum,
            record.tag as u32,
            record.slot,
            record.generation,
            record.kind,
        ];
        let mut header = [0_u8; RECORD_HEADER];
        for (target, field) in header.chunks_exact_mut(4).zip(fields) {
            target.copy_from_slice(&field.to_ne_bytes());
        }
        region.store(start + RECORD_HEADER, record.payload);
        region.store(start, &header);
    }
}

/// The smallest class that holds `size` bytes.
fn class_of(size: usize) -> Option<usize> {
    (0..CLASSES).find(|class| SMALLEST_CLASS << class >= size)
}
