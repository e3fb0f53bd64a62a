//! The record of what was reclaimed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::report::SweepItem;
use crate::error::{Error, Stage};

/// One act of a sweep: what was done to which resource, on what evidence, and the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// When, in RFC 3339.
    pub at: String,
    /// The process that did it.
    pub by: u32,
    /// The whole explanation, as `--why` shows it.
    pub item: serde_json::Value,
}

/// The receipts of one ledger directory: a file of one JSON object a line, and the one before it.
#[derive(Debug)]
pub struct Receipts {
    path: PathBuf,
}

impl Receipts {
    /// The file's name in the ledger directory.
    pub const NAME: &'static str = "receipts.ndjson";
    /// The name of the file before it.
    pub const OLDER: &'static str = "receipts.1.ndjson";
    /// Past this many bytes a new file is begun.
    pub const LIMIT: u64 = 1 << 20;

    /// The receipts of a ledger directory.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self {
            path: directory.join(Self::NAME),
        }
    }

    /// Writes a receipt: one line in one `write`, so that two sweeps never mix theirs.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, item: &SweepItem) -> Result<(), Error> {
        let failed = |error| {
            Error::io(Stage::Reclaim, "the receipt cannot be written", error)
                .with("path", self.path.display())
        };
        let item = serde_json::to_value(item).map_err(|error| failed(error.into()))?;
        let receipt = Receipt {
            at: jiff::Timestamp::now().to_string(),
            by: std::process::id(),
            item,
        };
        let mut line = serde_json::to_vec(&receipt).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.open()
            .and_then(|mut file| file.write_all(&line))
            .map_err(failed)
    }

    /// The receipts, oldest first. A line that is none, such as one that a full disk cut short, is
    /// counted in the second value.
    ///
    /// # Errors
    /// The file exists and cannot be read.
    pub fn read(&self) -> Result<(Vec<Receipt>, u64), Error> {
        let mut receipts = Vec::new();
        let mut unreadable = 0;
        for path in [self.path.with_file_name(Self::OLDER), self.path.clone()] {
            let mut text = Vec::new();
            let read = File::open(&path)
                .and_then(|file| file.take(2 * Self::LIMIT).read_to_end(&mut text));
            match read {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(Error::io(Stage::Read, "the receipts cannot be read", error)
                        .with("path", path.display()));
                }
            }
            let (of_file, wrong) = Self::parse(&text);
            receipts.extend(of_file);
            unreadable += wrong;
        }
        Ok((receipts, unreadable))
    }

    /// The receipts in the text of one such file, and how many lines are none.
    #[must_use]
    pub fn parse(text: &[u8]) -> (Vec<Receipt>, u64) {
        let mut receipts = Vec::new();
        let mut unreadable = 0;
        for line in text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            match serde_json::from_slice(line) {
                Ok(receipt) => receipts.push(receipt),
                Err(_) => unreadable += 1,
            }
        }
        (receipts, unreadable)
    }

    fn open(&self) -> std::io::Result<File> {
        let open = || {
            let mut options = OpenOptions::new();
            options.create(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&self.path)
        };
        let file = open()?;
        if file.metadata()?.len() < Self::LIMIT {
            return Ok(file);
        }
        // Two sweeps may both do this: the second then moves a nearly empty file, and the older
        // receipts are lost earlier than they need be, never mixed.
        std::fs::rename(&self.path, self.path.with_file_name(Self::OLDER))?;
        open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_no_sweep_wrote_is_read_within_bounds() {
        let place = tempfile::tempdir().unwrap();
        let receipts = Receipts::of(place.path());
        std::fs::write(place.path().join(Receipts::NAME), b"x\n".repeat(5 << 20)).unwrap();
        let (read, unreadable) = receipts.read().unwrap();
        assert_eq!((read, unreadable), (Vec::new(), Receipts::LIMIT));
    }
}
