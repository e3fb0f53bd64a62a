//! Target `ledger`: the bytes of a ledger, read whole and judged entry by entry.
//!
//! Check sums would keep the fuzzer at the door. The first byte says what is set right before
//! reading: bit 0 puts a sound header before the bytes, bit 1 sets right the check sums of all texts
//! that slots point to.

use std::path::Path;

use backstop_core::ledger::LedgerReading;
use backstop_core::ledger::layout::{self, record_checksum};

/// The header's owner, in the form in which ledgers keep it.
const OWNER: &str = r#"{"cookie":"07070707070707070707070707070707","process":{"pid":1,"pidfs_inode":null,"start_ticks":1,"pid_namespace":1,"boot":"00000000000000000000000000000000","executable":null},"user":0,"command":"fuzz","started":0}"#;

/// Where a slot keeps the positions of its texts: kind, site, label, recipe.
const TEXTS: [usize; 4] = [36, 40, 44, 48];

/// Reads all that there is to read, and judges it.
pub fn take(bytes: &[u8]) {
    let Some((how, rest)) = bytes.split_first() else {
        return;
    };
    let mut image = Vec::new();
    if how & 1 != 0 {
        image = header();
    }
    image.extend(rest);
    if how & 2 != 0 {
        set_checksums_right(&mut image);
    }
    let Ok(reading) = LedgerReading::of_bytes(image, Path::new("fuzz.ledger")) else {
        return;
    };
    assert!(reading.damage().len() <= 100);
    for slot in reading.slots() {
        let _ = (slot.touched(), slot.thread(), slot.parent(), slot.state());
        assert!(slot.offset().is_multiple_of(64));
    }
    for entry in reading.entries() {
        super::judge(reading.owner(), &entry);
    }
}

fn header() -> Vec<u8> {
    let mut bytes = vec![0; layout::HEADER_LENGTH];
    let mut put = |offset: usize, field: &[u8]| {
        bytes[offset..offset + field.len()].copy_from_slice(field);
    };
    put(0, &layout::MAGIC);
    put(8, &layout::VERSION.to_ne_bytes());
    put(12, &layout::BYTE_ORDER.to_ne_bytes());
    put(layout::FIXED_START, &(OWNER.len() as u32).to_ne_bytes());
    put(layout::FIXED_START + 4, OWNER.as_bytes());
    // More segments than there are: the reader must see for itself where they end.
    put(layout::SEGMENT_COUNT, &u32::MAX.to_ne_bytes());
    let checksum = checksum_of(&bytes[layout::FIXED_START..layout::FIXED_END]);
    let place = layout::HEADER_CHECKSUM;
    bytes[place..place + 4].copy_from_slice(&checksum.to_ne_bytes());
    bytes
}

/// Goes over whatever could be a slot, and makes each text that it points to check.
fn set_checksums_right(image: &mut [u8]) {
    let number = |image: &[u8], at: usize| {
        let field = image.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_ne_bytes(*field))
    };
    for slot in (layout::HEADER_LENGTH..image.len()).step_by(layout::SLOT_LENGTH) {
        for field in TEXTS {
            let Some(position) = number(image, slot + field) else {
                return;
            };
            let start = position as usize * layout::RECORD_UNIT;
            let payload = start + layout::RECORD_HEADER;
            // A record in the header would change the header's own check sum.
            let read = (start >= layout::HEADER_LENGTH).then(|| {
                let length = number(image, start)? as usize;
                let text = image.get(payload..payload.checked_add(length)?)?;
                let field = |index: usize| number(image, start + 4 * index);
                Some(record_checksum(field(2)?, field(3)?, field(4)?, text))
            });
            if let Some(checksum) = read.flatten() {
                image[start + 4..start + 8].copy_from_slice(&checksum.to_ne_bytes());
            }
        }
    }
}

/// CRC-32 as the header has it, without the library that computes it faster.
fn checksum_of(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    })
}
