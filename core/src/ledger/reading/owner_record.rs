//! The process that wrote a ledger.

use serde::{Deserialize, Serialize};

use crate::ledger::layout;
use crate::ledger::region::Region;
use backstop_os::identity::{Cookie, ProcessIdentity};

/// The owner, as recorded in a ledger's header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRecord {
    /// The random name of the owner's run.
    pub cookie: Cookie,
    /// The `backstop run` that the owner ran under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Cookie>,
    /// The identity of the process.
    pub process: ProcessIdentity,
    /// Its user.
    pub user: u32,
    /// Its command, for people.
    pub command: String,
    /// When it started, in seconds since 1970.
    pub started: i64,
}

impl OwnerRecord {
    /// The record of the calling process.
    pub(in crate::ledger) fn of_self(cookie: Cookie, run: Option<Cookie>) -> std::io::Result<Self> {
        let arguments: Vec<String> = std::env::args_os()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        let mut command = arguments.join(" ");
        command.truncate(command.floor_char_boundary(1024));
        Ok(Self {
            cookie,
            run,
            process: backstop_os::process::identity_of_self()?,
            user: backstop_os::user::effective_id(),
            command,
            started: jiff::Timestamp::now().as_second(),
        })
    }

    /// Writes the fixed part of a header: the checksum, and the magic last.
    pub(in crate::ledger) fn write(&self, header: &Region) -> std::io::Result<()> {
        let bytes = encode(self)?;
        header.store(8, &bytes[8..]);
        header.store(0, &bytes[..8]);
        Ok(())
    }

    /// Reads the record from a header whose checksum is correct.
    pub(super) fn decode(fixed: &[u8]) -> Result<Self, String> {
        let length = fixed
            .first_chunk::<4>()
            .map_or(0, |bytes| u32::from_ne_bytes(*bytes)) as usize;
        let text = fixed
            .get(4..4 + length)
            .ok_or("the owner record exceeds the header")?;
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }
}

fn encode(record: &OwnerRecord) -> std::io::Result<Vec<u8>> {
    let text = serde_json::to_vec(record)?;
    let room = layout::FIXED_END - layout::FIXED_START - 4;
    if text.len() > room {
        return Err(std::io::Error::other(
            "the owner record does not fit into the header",
        ));
    }
    let mut bytes = vec![0_u8; layout::FIXED_END];
    bytes[..8].copy_from_slice(&layout::MAGIC);
    bytes[8..12].copy_from_slice(&layout::VERSION.to_ne_bytes());
    bytes[12..16].copy_from_slice(&layout::BYTE_ORDER.to_ne_bytes());
    let start = layout::FIXED_START;
    bytes[start..start + 4].copy_from_slice(&(text.len() as u32).to_ne_bytes());
    bytes[start + 4..start + 4 + text.len()].copy_from_slice(&text);
    let checksum = crc32fast::hash(&bytes[start..layout::FIXED_END]);
    bytes[layout::HEADER_CHECKSUM..layout::HEADER_CHECKSUM + 4]
        .copy_from_slice(&checksum.to_ne_bytes());
    Ok(bytes)
}
