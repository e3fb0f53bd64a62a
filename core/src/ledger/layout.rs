//! Where each byte of a ledger file stands. Version 1, native byte order, all offsets from the start
//! of the file.
//!
//! ```text
//! header   4096 bytes   magic, version, byte order, owner, check sum; then counters that change
//! segment  64 header bytes (tag, length, first slot), then slots or records; the next follows
//! slot     64 bytes     one resource, one cache line
//! record   24 header bytes (length, check sum, tag, slot, generation), then the payload
//! ```

/// The first bytes of a ledger.
pub const MAGIC: [u8; 8] = *b"BACKSTOP";

/// The version that this crate writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// A number that reads differently on a machine of the other byte order.
pub const BYTE_ORDER: u32 = 0x0102_0304;

/// The header's length.
pub const HEADER_LENGTH: usize = 4096;

/// Where the fixed part of the header keeps its check sum: CRC-32 of all that follows it, up to
/// [`FIXED_END`].
pub const HEADER_CHECKSUM: usize = 16;
/// Where the checked part of the header begins.
pub const FIXED_START: usize = 24;
/// Where the checked part of the header ends: `u32` length, then JSON of the owner record.
pub const FIXED_END: usize = 3072;

/// How many segments are ready (`u32`, published last).
pub const SEGMENT_COUNT: usize = 3072;
/// How many resources could not be written down (`u64`).
pub const UNTRACKED: usize = 3080;

/// The length of a segment's own header.
pub const SEGMENT_HEADER: usize = 64;
/// A segment of slots.
pub const SLOTS_TAG: u32 = 0x534c_4f54;
/// A segment of records.
pub const RECORDS_TAG: u32 = 0x5245_434f;
/// The first segments' length; each further one of its kind is twice as long, up to the largest.
pub const SMALLEST_SEGMENT: usize = 64 * 1024;
/// The largest segment's length.
pub const LARGEST_SEGMENT: usize = 4 * 1024 * 1024;

/// A slot's length.
pub const SLOT_LENGTH: usize = 64;

/// A record's own header: length, check sum, tag, slot, generation, and of a recipe the position of the
/// kind that it was written for, each `u32`.
pub const RECORD_HEADER: usize = 24;
/// The longest payload of a record: with its header it fills 32 KiB.
pub const RECORD_LIMIT: usize = 32 * 1024 - RECORD_HEADER;
/// Records begin at multiples of this, so that a `u32` reaches 64 GiB of file.
pub const RECORD_UNIT: usize = 16;

/// What a record holds.
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

/// The check sum of a record: of its tag, its slot, its generation and its payload, so that a record
/// of another resource is not taken for this one's.
#[must_use]
pub fn record_checksum(tag: u32, slot: u32, generation: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&tag.to_ne_bytes());
    hasher.update(&slot.to_ne_bytes());
    hasher.update(&generation.to_ne_bytes());
    hasher.update(payload);
    hasher.finalize()
}
