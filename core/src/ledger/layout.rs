//! The layout of a ledger file. Version 1, native byte order, all offsets from the start of the
//! file.
//!
//! ```text
//! header   4096 bytes   magic, version, byte order, owner, checksum; then counters that change
//! segment  64 header bytes (tag, length, first slot), then slots or records; the next follows
//! slot     64 bytes     one resource, one cache line
//! record   24 header bytes (length, checksum, tag, slot, generation), then the payload
//! ```

/// The first bytes of a ledger.
pub const MAGIC: [u8; 8] = *b"BACKSTOP";

/// The version that this crate writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// A number that reads differently on a machine of the other byte order.
pub const BYTE_ORDER: u32 = 0x0102_0304;

/// The header's length.
pub const HEADER_LENGTH: usize = 4096;

/// The offset of the checksum in the fixed part of the header: CRC-32 of everything after it, up to
/// [`FIXED_END`].
pub const HEADER_CHECKSUM: usize = 16;
/// The start of the checksummed part of the header.
pub const FIXED_START: usize = 24;
/// The end of the checksummed part of the header, which holds a `u32` length, then JSON of the
/// owner record.
pub const FIXED_END: usize = 3072;

/// The number of segments that are ready (`u32`, published last).
pub const SEGMENT_COUNT: usize = 3072;
/// The number of resources that could not be recorded (`u64`).
pub const UNTRACKED: usize = 3080;

/// The length of a segment's own header.
pub const SEGMENT_HEADER: usize = 64;
/// A segment of slots.
pub const SLOTS_TAG: u32 = 0x534c_4f54;
/// A segment of records.
pub const RECORDS_TAG: u32 = 0x5245_434f;
/// The length of the first segments; each further one of its kind is twice as long, up to the
/// largest.
pub const SMALLEST_SEGMENT: usize = 64 * 1024;
/// The largest segment's length.
pub const LARGEST_SEGMENT: usize = 4 * 1024 * 1024;

/// A slot's length.
pub const SLOT_LENGTH: usize = 64;

/// The length of a record's header: length, checksum, tag, slot, generation, and for a recipe the
/// position of the kind that it was written for, each `u32`.
pub const RECORD_HEADER: usize = 24;
/// The longest payload of a record: with its header it fills 32 KiB.
pub const RECORD_LIMIT: usize = 32 * 1024 - RECORD_HEADER;
/// Records start at multiples of this, so that a `u32` addresses 64 GiB of file.
pub const RECORD_UNIT: usize = 16;

/// The content of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum RecordTag {
    /// A kind's name; belongs to no slot.
    Kind = 1,
    /// A site; belongs to no slot.
    Site = 2,
    /// A label that never changes; belongs to no slot.
    SharedLabel = 3,
    /// A label of one resource.
    Label = 4,
    /// A recipe of one resource.
    Recipe = 5,
}

/// The checksum of a record: of its tag, slot, generation and payload, so that another resource's
/// record is not mistaken for this one's.
#[must_use]
pub fn record_checksum(tag: u32, slot: u32, generation: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&tag.to_ne_bytes());
    hasher.update(&slot.to_ne_bytes());
    hasher.update(&generation.to_ne_bytes());
    hasher.update(payload);
    hasher.finalize()
}
