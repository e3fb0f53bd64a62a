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

/// Receipts that are missing: a line among them that says how many, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostReceipts {
    /// When, in RFC 3339.
    pub at: String,
    /// The process that lost or removed them.
    pub by: u32,
    /// How many.
    pub lost: u64,
    /// Why.
    pub why: String,
}

/// The receipts of one ledger directory: a file of one JSON object a line, and the one before it.
///
/// # Guarantees
/// A sweep's receipts stand in one file: a new one is begun between two sweeps, never within one. What is
/// removed with the file before it, and what did not fit, is counted by a line of [`LostReceipts`].
#[derive(Debug)]
pub struct Receipts {
    path: PathBuf,
}

impl Receipts {
    /// The file's name in the ledger directory.
    pub const NAME: &'static str = "receipts.ndjson";
    /// The name of the file before it.
    pub const OLDER: &'static str = "receipts.1.ndjson";
    /// A sweep that finds this many bytes begins a new file.
    pub const LIMIT: u64 = 1 << 20;
    /// The most bytes that a file has, however much one sweep reclaims: some 25 000 receipts.
    pub const LARGEST: u64 = 32 << 20;

    /// The receipts of a ledger directory.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self {
            path: directory.join(Self::NAME),
        }
    }

    /// Begins to write the receipts of one sweep. Nothing is opened before the first.
    pub fn writer(&self) -> ReceiptWriter<'_> {
        ReceiptWriter {
            receipts: self,
            file: None,
            room: 0,
            lost: 0,
            why: String::new(),
        }
    }

    /// The receipts, oldest first. A line that is none, such as one that a full disk cut short, is
    /// counted in the second value.
    ///
    /// # Errors
    /// The file exists and cannot be read.
    pub fn read(&self) -> Result<(Vec<Receipt>, u64), Error> {
        let mut receipts = Vec::new();
        let mut unreadable = 0;
        for text in self.texts()? {
            let (of_file, wrong) = Self::parse(&text);
            receipts.extend(of_file);
            unreadable += wrong;
        }
        Ok((receipts, unreadable))
    }

    /// How many receipts are missing, as far as is written down.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn lost(&self) -> Result<u64, Error> {
        let texts = self.texts()?;
        Ok(texts.iter().map(|text| lost_in(text)).sum())
    }

    /// The text of both files, the older first.
    fn texts(&self) -> Result<Vec<Vec<u8>>, Error> {
        let mut texts = Vec::new();
        for path in [self.older(), self.path.clone()] {
            match read_bounded(&path) {
                Ok(text) => texts.push(text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(Error::io(Stage::Read, "the receipts cannot be read", error)
                        .with("path", path.display()));
                }
            }
        }
        Ok(texts)
    }

    fn older(&self) -> PathBuf {
        self.path.with_file_name(Self::OLDER)
    }

    /// The receipts in the text of one such file, and how many lines are neither receipts nor
    /// [`LostReceipts`].
    #[must_use]
    pub fn parse(text: &[u8]) -> (Vec<Receipt>, u64) {
        let mut receipts = Vec::new();
        let mut unreadable = 0;
        for line in lines(text) {
            match serde_json::from_slice(line) {
                Ok(receipt) => receipts.push(receipt),
                Err(_) => unreadable += u64::from(as_lost(line).is_none()),
            }
        }
        (receipts, unreadable)
    }

    fn open(&self) -> std::io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path)
    }

    /// Opens the file, a new one if it is full; and gives how many receipts went with the one before it.
    fn open_for_a_sweep(&self) -> std::io::Result<(File, u64)> {
        let file = self.open()?;
        if file.metadata()?.len() < Self::LIMIT {
            return Ok((file, 0));
        }
        // Two sweeps may both do this: the second then moves a nearly empty file, and the older
        // receipts are lost earlier than they need be, never mixed. Both count them, so that the number is
        // too high rather than too low.
        let older = read_bounded(&self.older()).unwrap_or_default();
        let gone = lost_in(&older) + Self::parse(&older).0.len() as u64;
        std::fs::rename(&self.path, self.older())?;
        Ok((self.open()?, gone))
    }
}

/// Writes the receipts of one sweep.
#[derive(Debug)]
#[must_use = "a sweep's acts have no receipts until they are written"]
pub struct ReceiptWriter<'a> {
    receipts: &'a Receipts,
    file: Option<File>,
    /// How many bytes may be written yet.
    room: u64,
    lost: u64,
    /// Why the last one was lost.
    why: String,
}

impl ReceiptWriter<'_> {
    /// Writes a receipt: one line in one `write`, so that two sweeps never mix theirs.
    ///
    /// # Errors
    /// The file cannot be written, or is as large as it may be. It is counted as lost.
    pub fn write(&mut self, item: &SweepItem) -> Result<(), Error> {
        self.try_write(item).map_err(|error| {
            self.lost += 1;
            self.why = error.to_string();
            Error::io(Stage::Reclaim, "the receipt cannot be written", error)
                .with("path", self.receipts.path.display())
        })
    }

    fn try_write(&mut self, item: &SweepItem) -> std::io::Result<()> {
        let line = line_of(&Receipt {
            at: now(),
            by: std::process::id(),
            item: serde_json::to_value(item)?,
        })?;
        if self.file.is_none() {
            self.begin()?;
        }
        self.room = match self.room.checked_sub(line.len() as u64) {
            Some(room) => room,
            None => {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::FileTooLarge,
                    "the file of receipts is full",
                ));
            }
        };
        self.append(&line)
    }

    fn begin(&mut self) -> std::io::Result<()> {
        let (file, gone) = self.receipts.open_for_a_sweep()?;
        self.room = Receipts::LARGEST.saturating_sub(file.metadata()?.len());
        self.file = Some(file);
        if gone > 0 {
            self.append(&line_of(&lost(
                gone,
                "removed with the oldest file of receipts",
            ))?)?;
        }
        Ok(())
    }

    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(line),
            None => Err(std::io::ErrorKind::NotFound.into()),
        }
    }
}

impl Drop for ReceiptWriter<'_> {
    /// Writes down how many were lost.
    fn drop(&mut self) {
        if self.lost == 0 {
            return;
        }
        let line = line_of(&lost(self.lost, &self.why));
        // It may not have been opened yet: there were no file handles then, or no room.
        if self.file.is_none() {
            self.file = self.receipts.open().ok();
        }
        if let Err(error) = line.and_then(|line| self.append(&line)) {
            tracing::warn!(%error, lost = self.lost, "receipts are lost, and that is not written down");
        }
    }
}

fn lost(lost: u64, why: &str) -> LostReceipts {
    LostReceipts {
        at: now(),
        by: std::process::id(),
        lost,
        why: why.to_owned(),
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn line_of(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    // A line of loss may come after the last that fits.
    let most = Receipts::LARGEST + Receipts::LIMIT;
    let mut text = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut text)?;
    Ok(text)
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty())
}

fn as_lost(line: &[u8]) -> Option<LostReceipts> {
    serde_json::from_slice(line).ok()
}

fn lost_in(text: &[u8]) -> u64 {
    lines(text).filter_map(as_lost).map(|line| line.lost).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::State;
    use crate::reclaim::Judgement;
    use crate::resource::{Bytes, ResourceId};

    fn item(number: u64) -> SweepItem {
        SweepItem {
            ledger: "/run/user/0/backstop/1.ledger".into(),
            owner: "1 (owner)".to_owned(),
            id: ResourceId {
                slot: 1,
                generation: 1,
            },
            kind: "tempfs.dir".to_owned(),
            label: format!("{number} {}", "x".repeat(2000)),
            site: "src/main.rs:1:1".to_owned(),
            state: State::Live,
            recipe: None,
            judgement: Judgement::keep("a test"),
            outcome: None,
            count: 1,
            bytes: Bytes(1),
        }
    }

    /// What some sweep wrote, which this one has to make room for.
    fn sweep(receipts: &Receipts, numbers: std::ops::Range<u64>) -> u64 {
        let mut writer = receipts.writer();
        numbers
            .filter(|number| writer.write(&item(*number)).is_err())
            .count() as u64
    }

    fn size(place: &Path, name: &str) -> u64 {
        std::fs::metadata(place.join(name)).map_or(0, |file| file.len())
    }

    #[test]
    fn the_receipts_of_one_sweep_are_kept_however_many_they_are() {
        let place = tempfile::tempdir().unwrap();
        let receipts = Receipts::of(place.path());
        assert_eq!(sweep(&receipts, 0..3000), 0);
        assert!(size(place.path(), Receipts::NAME) > 5 * Receipts::LIMIT);
        let (read, unreadable) = receipts.read().unwrap();
        assert_eq!(
            (read.len(), unreadable, receipts.lost().unwrap()),
            (3000, 0, 0)
        );
    }

    #[test]
    fn files_rotate_between_sweeps_and_what_goes_with_them_is_counted() {
        let place = tempfile::tempdir().unwrap();
        let receipts = Receipts::of(place.path());
        let mut written = 0;
        for round in 0..10 {
            assert_eq!(sweep(&receipts, written..written + 200 + round), 0);
            written += 200 + round;
            let (read, unreadable) = receipts.read().unwrap();
            let known = read.len() as u64 + receipts.lost().unwrap();
            assert_eq!((known, unreadable), (written, 0), "round {round}");
            let both = size(place.path(), Receipts::NAME) + size(place.path(), Receipts::OLDER);
            assert!(both < 4 * Receipts::LIMIT, "round {round}: {both}");
        }
        assert!(receipts.lost().unwrap() > 0);
        let (read, _) = receipts.read().unwrap();
        let label = read.last().unwrap().item["label"].as_str().unwrap();
        assert!(label.starts_with(&format!("{} ", written - 1)));
    }

    #[test]
    fn a_sweep_that_is_too_large_has_a_bound_and_counts_what_did_not_fit() {
        let place = tempfile::tempdir().unwrap();
        let receipts = Receipts::of(place.path());
        let refused = sweep(&receipts, 0..16_000);
        assert!(refused > 0);
        assert!(size(place.path(), Receipts::NAME) < Receipts::LARGEST + 1000);
        let (read, unreadable) = receipts.read().unwrap();
        assert_eq!((read.len() as u64, unreadable), (16_000 - refused, 0));
        assert_eq!(receipts.lost().unwrap(), refused);
    }

    #[test]
    fn a_file_that_no_sweep_wrote_is_read_within_bounds() {
        let place = tempfile::tempdir().unwrap();
        let receipts = Receipts::of(place.path());
        std::fs::write(place.path().join(Receipts::NAME), b"x\n".repeat(18 << 20)).unwrap();
        let (read, unreadable) = receipts.read().unwrap();
        assert_eq!(
            (read, unreadable),
            (Vec::new(), (Receipts::LARGEST + Receipts::LIMIT) / 2)
        );
    }
}
