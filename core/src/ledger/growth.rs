//! The growth of a ledger: whole segments, under one lock.

use std::fs::File;
use std::sync::atomic::Ordering;

use super::interned::Interned;
use super::layout;
use super::records::{Record, Records, Space};
use super::region::Region;
use super::slot::FreeSlot;

/// The state that changes when the ledger grows, behind one lock: taken for a new segment, a new
/// name, or a text.
pub(super) struct Growth {
    file: Option<File>,
    /// The segments and their offsets in the file. Never removed.
    segments: Vec<(Region, u64)>,
    end: u64,
    slots: u32,
    next_slots: usize,
    next_records: usize,
    pub(super) records: Records,
    pub(super) interned: Interned,
}

impl Growth {
    pub(super) fn of(file: Option<File>) -> Self {
        Self {
            file,
            segments: Vec::new(),
            end: layout::HEADER_LENGTH as u64,
            slots: 0,
            next_slots: layout::SMALLEST_SEGMENT,
            next_records: layout::SMALLEST_SEGMENT,
            records: Records::default(),
            interned: Interned::default(),
        }
    }

    pub(super) fn add_slots(&mut self, header: &Region, free: &mut Vec<FreeSlot>) {
        let length = self.next_slots;
        let count = ((length - layout::SEGMENT_HEADER) / layout::SLOT_LENGTH) as u32;
        let Some(end) = self.slots.checked_add(count) else {
            return;
        };
        let Some(index) = self.add_segment(header, layout::SLOTS_TAG, length) else {
            return;
        };
        self.next_slots = (length * 2).min(layout::LARGEST_SEGMENT);
        let (region, _) = &self.segments[index];
        // Reversed, so that the lowest positions are used first and stay in few pages.
        free.extend((self.slots..end).rev().map(|position| {
            let offset =
                layout::SEGMENT_HEADER + (position - self.slots) as usize * layout::SLOT_LENGTH;
            FreeSlot {
                slot: region.line_at(offset).cast(),
                position,
            }
        }));
        self.slots = end;
    }

    fn add_segment(&mut self, header: &Region, tag: u32, length: usize) -> Option<usize> {
        let mapped = match &self.file {
            Some(file) => Region::of_file(file, self.end, length),
            None => Region::anonymous(length),
        };
        let region = mapped
            .inspect_err(|error| tracing::warn!(%error, length, "cannot extend the ledger"))
            .ok()?;
        region.u32_at(0).store(tag, Ordering::Relaxed);
        region.u32_at(4).store(length as u32, Ordering::Relaxed);
        region.u32_at(8).store(self.slots, Ordering::Relaxed);
        self.segments.push((region, self.end));
        self.end += length as u64;
        // Release: a reader that sees the count also sees the segment's header.
        header
            .u32_at(layout::SEGMENT_COUNT)
            .store(self.segments.len() as u32, Ordering::Release);
        Some(self.segments.len() - 1)
    }

    pub(super) fn write(&mut self, header: &Region, record: &Record<'_>) -> Option<(u32, Space)> {
        if record.payload.len() > Records::LIMIT {
            return None;
        }
        let space = match self.records.allocate(record.payload.len()) {
            Some(space) => space,
            None => {
                let length = self.next_records;
                let index = self.add_segment(header, layout::RECORDS_TAG, length)?;
                self.next_records = (length * 2).min(layout::LARGEST_SEGMENT);
                self.records.extend(index, layout::SEGMENT_HEADER, length);
                self.records.allocate(record.payload.len())?
            }
        };
        let (region, start) = &self.segments[space.segment()];
        let position = space.position(*start)?;
        space.write(region, record);
        Some((position, space))
    }
}
