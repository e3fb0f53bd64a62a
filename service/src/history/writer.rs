//! Writes a history while a program runs.

mod day_writer;

use std::ffi::OsStr;
use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use super::line::{
    self, Event, FindingChange, FindingLine, LossReason, LostLines, RunLine, RunStage,
};
use super::slim::slim;
use super::{History, Keeping, utc_day};
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::monitor::{Change, Finding, Moment, Observation, Observer, suggestions};
use backstop_core::resource::Bytes;
use backstop_os::directory::Directory;
use backstop_os::files::LockAttempt;
use backstop_os::{lock, private};
use day_writer::{DayWriter, open_or_create};

/// Writes a monitor's observations and [recorded](HistoryWriter::record) events into a history: one
/// line each, in one write for an observation, so that a kill loses no observation.
///
/// Clones write to the same history. When the last one is dropped, the end of the run is recorded.
///
/// # Guarantees
/// It never stops or fails the program. Lines that cannot be written are counted, reported by
/// [`written`](HistoryWriter::written), and recorded as lost when there is space again. Once a day
/// has used half of the maximum size it gets one sample a minute, and no more samples once it has
/// used all.
///
/// # When it does not hold
/// Nothing is flushed to disk explicitly: a power cut may lose the last seconds.
#[derive(Clone)]
pub struct HistoryWriter(Arc<Mutex<Inner>>);

/// What a writer has written, and what it could not write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Lines that were written.
    pub lines: u64,
    /// Bytes that were written.
    pub bytes: Bytes,
    /// Lines that could not be written.
    pub lost: u64,
    /// Samples that were skipped because the day has used its share.
    pub thinned: u64,
    /// Old days that were removed.
    pub pruned: u64,
}

struct Inner {
    history: History,
    directory: Directory,
    /// Holds the lock that makes this the only writer.
    _lock: File,
    day: DayWriter,
    run: RunLine,
    /// The time of the last line, and when that was by a monotonic clock: simulated time ends at
    /// its own end, not now.
    last: Option<(Timestamp, Instant)>,
    /// Whether the findings that were opened on an earlier day are still to be recorded.
    carry: bool,
    /// When the last sample was written.
    sampled: Option<Timestamp>,
    buffer: Vec<u8>,
    written: Written,
    /// Losses that are not recorded yet.
    untold: Vec<LostLines>,
    /// Bytes until the next check of the total size.
    until_prune: u64,
}

impl HistoryWriter {
    /// The name of the lock file in the directory of a history.
    const LOCK: &'static str = "writer.lock";

    pub(super) fn open(history: &History) -> Result<Self, Error> {
        let path = history.directory();
        let failed = |error| {
            Error::io(Stage::Open, "cannot open the history", error).with("path", path.display())
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let directory = match Directory::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                private::private_directory(path)
            }
            // An existing one has the mode that its owner wants.
            answer => answer,
        };
        let directory = directory.map_err(failed)?;
        let file = open_or_create(&directory, OsStr::new(Self::LOCK)).map_err(failed)?;
        match lock::try_exclusive(&file).map_err(failed)? {
            LockAttempt::Won => {}
            LockAttempt::Held => {
                let message = "another program writes this history: use one directory per program";
                return Err(
                    Error::new(ErrorKind::Held, Stage::Open, message).with("path", path.display())
                );
            }
        }
        let now = Timestamp::now();
        let pid = std::process::id();
        let program = std::env::current_exe()
            .ok()
            .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        Ok(Self(Arc::new(Mutex::new(Inner {
            history: history.clone(),
            directory,
            _lock: file,
            day: DayWriter::default(),
            run: RunLine {
                at: now,
                run: format!("{pid}-{:x}", now.as_nanosecond()),
                stage: RunStage::Began,
                pid,
                program: program.unwrap_or_default(),
            },
            last: None,
            carry: false,
            sampled: None,
            buffer: Vec::new(),
            written: Written::default(),
            untold: Vec::new(),
            until_prune: 0,
        }))))
    }

    /// Records an event. It takes one write of some hundred bytes; a text or data that is too long
    /// is cut.
    pub fn record(&self, event: &Event) {
        self.0.lock().record(event);
    }

    /// What was written, and what could not be written.
    #[must_use]
    pub fn written(&self) -> Written {
        self.0.lock().written
    }
}

impl HistoryWriter {
    /// Changes how much is kept from now on.
    pub fn keep(&self, keeping: Keeping) {
        let mut inner = self.0.lock();
        inner.history.keeping = keeping;
        // Checked with the next line.
        inner.until_prune = 0;
    }

    /// Records events as long as a writer exists, and does nothing afterwards: for threads that may
    /// outlive it.
    pub(crate) fn recorder(&self) -> impl Fn(&Event) + Send + Sync + 'static {
        let writer = Arc::downgrade(&self.0);
        move |event| {
            if let Some(inner) = writer.upgrade() {
                Self(inner).record(event);
            }
        }
    }

    /// Records that these findings are no longer monitored.
    pub(crate) fn clear(&self, findings: Vec<Finding>, at: Moment) {
        self.0.lock().clear(findings, at);
    }
}

impl Observer for HistoryWriter {
    fn observe(&mut self, observation: &Observation) {
        self.0.lock().observe(observation);
    }
}

impl std::fmt::Debug for HistoryWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = self.0.lock();
        formatter
            .debug_struct("HistoryWriter")
            .field("directory", &inner.history.directory())
            .field("written", &inner.written)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// The interval of samples once the day has used half of its share: a minute.
    const THINNED: SignedDuration = SignedDuration::from_secs(60);
    /// How often the total size is checked.
    const PRUNE_EVERY: u64 = 1 << 20;

    fn observe(&mut self, observation: &Observation) {
        let at = observation.sample.at.time;
        self.begin(at, Some(observation));
        let mut lines = 0;
        if self.has_room(at, !observation.changes.is_empty()) {
            line::put(&mut self.buffer, line::SAMPLE, &slim(&observation.sample));
            self.sampled = Some(at);
            lines += 1;
        } else {
            self.written.thinned += 1;
            let text = "the day has used its share of the maximum size: fewer samples are written";
            self.miss(at, 1, LossReason::Thinned, text.to_owned());
        }
        for change in &observation.changes {
            let finding = FindingLine::of(
                observation.sample.at,
                change,
                observation.sample.ledger.as_ref(),
            );
            line::put(&mut self.buffer, line::FINDING, &finding);
            lines += 1;
        }
        self.write(at, lines);
    }

    fn record(&mut self, event: &Event) {
        self.begin(event.at, None);
        let is_fitting = |data: &serde_json::Value| {
            serde_json::to_vec(data).is_ok_and(|data| data.len() <= Event::DATA)
        };
        if event.text.len() <= Event::TEXT && is_fitting(&event.data) {
            line::put(&mut self.buffer, line::EVENT, event);
        } else {
            let mut event = event.clone();
            event
                .text
                .truncate(event.text.floor_char_boundary(Event::TEXT));
            if !is_fitting(&event.data) {
                event.data = serde_json::json!({ "omitted": "data too long" });
            }
            line::put(&mut self.buffer, line::EVENT, &event);
        }
        self.write(event.at, 1);
    }

    fn clear(&mut self, findings: Vec<Finding>, at: Moment) {
        self.begin(at.time, None);
        let lines = findings.len() as u64;
        for mut finding in findings {
            finding.cleared = Some(at);
            let line = FindingLine::of(at, &Change::Cleared(finding), None);
            line::put(&mut self.buffer, line::FINDING, &line);
        }
        self.write(at.time, lines);
    }

    /// Whether a sample at this time is to be written, given the size of the day.
    fn has_room(&self, at: Timestamp, has_changes: bool) -> bool {
        let (used, all) = (self.day.len(), self.history.keeping.size().0);
        let is_due = self
            .sampled
            .is_none_or(|last| at.duration_since(last).abs() >= Self::THINNED);
        used < all / 2 || used < all && (is_due || has_changes)
    }

    /// Ensures that the day's file is open, and that it can be read on its own.
    fn begin(&mut self, at: Timestamp, observation: Option<&Observation>) {
        self.buffer.clear();
        self.last = Some((at, Instant::now()));
        let date = utc_day(at);
        if !self.day.has_begun(date, &self.directory) {
            self.prune(date);
            self.day = DayWriter::open(&self.directory, date);
            self.run.at = at;
            line::put(&mut self.buffer, line::RUN, &self.run);
            self.carry = self.run.stage == RunStage::Continued;
        }
        if let Some(observation) = observation
            && std::mem::take(&mut self.carry)
        {
            self.carry_over(observation);
        }
    }

    /// Records the findings that were opened on an earlier day.
    fn carry_over(&mut self, observation: &Observation) {
        let changes = || observation.changes.iter().map(Change::finding);
        for finding in &observation.open {
            let is_told = changes()
                .any(|other| other.kind == finding.kind && other.subject == finding.subject);
            if !is_told {
                let line = FindingLine {
                    at: observation.sample.at,
                    change: FindingChange::Continued,
                    finding: finding.clone(),
                    suggestions: suggestions(finding, observation.sample.ledger.as_ref()),
                };
                line::put(&mut self.buffer, line::FINDING, &line);
            }
        }
    }

    fn prune(&mut self, today: Date) {
        self.until_prune = Self::PRUNE_EVERY;
        if let Ok(pruned) = self.history.prune_before(today) {
            self.written.pruned += pruned.removed.len() as u64;
        }
    }

    /// Writes the buffer, and before it the losses.
    fn write(&mut self, at: Timestamp, lines: u64) {
        if lines == 0 {
            return;
        }
        let told = self.untold.len() as u64;
        for loss in &mut self.untold {
            loss.at = at;
            line::put(&mut self.buffer, line::LOSS, loss);
        }
        let bytes = self.buffer.len() as u64;
        match self.append(bytes) {
            Ok(()) => {
                self.untold.clear();
                self.run.stage = RunStage::Continued;
                self.written.lines += lines + told;
                self.written.bytes += Bytes(bytes);
                match self.until_prune.checked_sub(bytes) {
                    Some(rest) => self.until_prune = rest,
                    None => self.prune(utc_day(at)),
                }
            }
            Err(error) => {
                self.written.lost += lines;
                self.miss(at, lines, LossReason::Failed, error.to_string());
            }
        }
    }

    fn append(&mut self, bytes: u64) -> std::io::Result<()> {
        // Samples have stopped long before: this limits a storm of events.
        let most = self.history.keeping.size().0;
        if self.day.len() + bytes > most + most / 8 {
            let message = "the day has used the whole maximum size";
            return Err(std::io::Error::new(
                std::io::ErrorKind::QuotaExceeded,
                message,
            ));
        }
        self.day.append(&self.directory, &self.buffer)
    }

    fn miss(&mut self, at: Timestamp, lines: u64, reason: LossReason, text: String) {
        match self.untold.iter_mut().find(|loss| loss.reason == reason) {
            Some(loss) => {
                loss.lines += lines;
                loss.text = text;
            }
            None => self.untold.push(LostLines {
                at,
                since: at,
                lines,
                reason,
                text,
            }),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some((last, when)) = self.last else {
            return;
        };
        let since: Duration = when.elapsed();
        let at = SignedDuration::try_from(since)
            .ok()
            .and_then(|since| last.checked_add(since).ok())
            .unwrap_or(last);
        self.begin(at, None);
        self.run.at = at;
        self.run.stage = RunStage::Ended;
        line::put(&mut self.buffer, line::RUN, &self.run);
        self.write(at, 1);
    }
}

#[cfg(test)]
mod tests;
