//! Forged ledgers: of owners of another boot, another namespace, another user.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use backstop_core::ledger::layout::{self, RecordTag, record_checksum};
use backstop_core::ledger::{OwnerRecord, State};
use backstop_os::identity::Cookie;
use backstop_os::{process, user};

/// A ledger as a dead owner of any identity would have left it.
#[derive(Debug, Clone)]
#[must_use = "no ledger is there until `write`"]
pub struct ForgedLedger {
    /// The process that it names as its owner.
    pub owner: OwnerRecord,
    entries: Vec<ForgedEntry>,
}

#[derive(Debug, Clone)]
struct ForgedEntry {
    kind: String,
    label: String,
    state: State,
    recipe: String,
}

/// The records of one forged ledger, each at a position that slots refer to.
struct Records(Vec<u8>);

const RECORDS_START: usize =
    layout::HEADER_LENGTH + layout::SMALLEST_SEGMENT + layout::SEGMENT_HEADER;

impl ForgedLedger {
    /// A ledger of an owner like this process. Change [`owner`](Self::owner) to make it another's.
    ///
    /// # Panics
    /// `/proc` is hidden: an owner like this process has no identity then.
    pub fn new() -> Self {
        let process = process::identity_of_self().expect("this process can be read");
        Self {
            owner: OwnerRecord {
                cookie: Cookie::random(),
                run: None,
                process,
                user: user::effective_id(),
                command: "forged".into(),
                started: 0,
            },
            entries: Vec::new(),
        }
    }

    /// Adds a resource that it lists as open.
    pub fn entry(mut self, kind: &str, label: &str, state: State, recipe: &str) -> Self {
        self.entries.push(ForgedEntry {
            kind: kind.to_owned(),
            label: label.to_owned(),
            state,
            recipe: recipe.to_owned(),
        });
        self
    }

    /// Writes it into `directory`, which is created if it does not exist, and returns its path. No process holds
    /// its lease.
    ///
    /// # Panics
    /// It does not fit into the two smallest segments, or cannot be written.
    #[must_use]
    pub fn write(&self, directory: &Path) -> PathBuf {
        let mut private = std::fs::DirBuilder::new();
        private.mode(0o700).recursive(true);
        private.create(directory).expect("the directory is made");
        let name = format!("{}-{}.ledger", self.owner.process.pid, self.owner.cookie);
        let path = directory.join(name);
        let mut file = std::fs::OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o600).open(&path);
        std::io::Write::write_all(&mut file.expect("the name is new"), &self.bytes())
            .expect("the ledger is written");
        path
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0_u8; layout::HEADER_LENGTH + 2 * layout::SMALLEST_SEGMENT];
        self.write_header(&mut bytes);
        let slots = layout::HEADER_LENGTH;
        write_segment(&mut bytes, slots, layout::SLOTS_TAG);
        write_segment(
            &mut bytes,
            slots + layout::SMALLEST_SEGMENT,
            layout::RECORDS_TAG,
        );
        let mut records = Records(Vec::new());
        for (index, entry) in self.entries.iter().enumerate() {
            let slot = index as u32;
            let kind = records.add(RecordTag::Kind, (0, 0), &entry.kind);
            let site = records.add(RecordTag::Site, (0, 0), "forged.rs:1:1");
            let label = records.add(RecordTag::Label, (slot, 1), &entry.label);
            let recipe = records.add(RecordTag::Recipe, (slot, 1), &entry.recipe);
            let start = slots + layout::SEGMENT_HEADER + index * layout::SLOT_LENGTH;
            let word = 1_u64 << 32 | entry.state as u64;
            bytes[start..start + 8].copy_from_slice(&word.to_ne_bytes());
            for (field, value) in [(36, kind), (40, site), (44, label), (48, recipe)] {
                write_number(&mut bytes, start + field, value);
            }
        }
        let end = RECORDS_START + records.0.len();
        bytes[RECORDS_START..end].copy_from_slice(&records.0);
        bytes
    }

    fn write_header(&self, bytes: &mut [u8]) {
        let text = serde_json::to_vec(&self.owner).expect("an owner record is plain data");
        bytes[..8].copy_from_slice(&layout::MAGIC);
        write_number(bytes, 8, layout::VERSION);
        write_number(bytes, 12, layout::BYTE_ORDER);
        let start = layout::FIXED_START;
        write_number(bytes, start, text.len() as u32);
        bytes[start + 4..start + 4 + text.len()].copy_from_slice(&text);
        let checksum = crc32fast::hash(&bytes[start..layout::FIXED_END]);
        write_number(bytes, layout::HEADER_CHECKSUM, checksum);
        write_number(bytes, layout::SEGMENT_COUNT, 2);
    }
}

impl Default for ForgedLedger {
    fn default() -> Self {
        Self::new()
    }
}

impl Records {
    fn add(&mut self, tag: RecordTag, (slot, generation): (u32, u32), text: &str) -> u32 {
        let filled = self.0.len().next_multiple_of(layout::RECORD_UNIT);
        self.0.resize(filled, 0);
        let payload = text.as_bytes();
        let checksum = record_checksum(tag as u32, slot, generation, payload);
        for number in [
            payload.len() as u32,
            checksum,
            tag as u32,
            slot,
            generation,
            0,
        ] {
            self.0.extend(number.to_ne_bytes());
        }
        self.0.extend(payload);
        ((RECORDS_START + filled) / layout::RECORD_UNIT) as u32
    }
}

fn write_segment(bytes: &mut [u8], start: usize, tag: u32) {
    write_number(bytes, start, tag);
    write_number(bytes, start + 4, layout::SMALLEST_SEGMENT as u32);
}

fn write_number(bytes: &mut [u8], start: usize, number: u32) {
    bytes[start..start + 4].copy_from_slice(&number.to_ne_bytes());
}
