//! What was seen and done, on disk: a file a day, one JSON object a line.

mod day;
mod keeping;
mod line;
mod reading;
mod slim;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use backstop_core::error::{Error, ErrorKind, Stage};

pub use day::DayFile;
pub use keeping::{Keeping, KeptDay, Pruned};
pub use line::{
    Event, EventKind, FindingChange, FindingLine, Line, Loss, LossReason, RunLine, RunStage,
};
pub use reading::{DayReading, Place, Reading};
pub use writer::{HistoryWriter, Written};

/// The history of one program: a directory with a file for each day (in UTC, so that no day is of 23
/// hours), `2026-11-21.ndjson`, and the lock of its one writer.
///
/// Each day can be read on its own: it begins with the run that goes on and the findings that are open.
/// Any tool for lines of JSON reads it; each line names its schema, such as `backstop.sample/1`.
#[derive(Debug, Clone)]
pub struct History {
    directory: PathBuf,
    keeping: Keeping,
}

impl History {
    /// The history of the program `name`, where this user's are:
    /// `$XDG_STATE_HOME/backstop/history/NAME`, else `~/.local/state/backstop/history/NAME`.
    ///
    /// # Errors
    /// Neither `XDG_STATE_HOME` nor `HOME` is set, or the name is none that a directory can have.
    pub fn of(name: &str) -> Result<Self, Error> {
        let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
        if !is_name {
            let message = "a history's name is not empty, begins with no dot and has no slash";
            return Err(
                Error::new(ErrorKind::Configuration, Stage::Configure, message)
                    .with("name", format_args!("{name:?}")),
            );
        }
        Ok(Self::at(Self::home()?.join(name)))
    }

    /// The history in a directory.
    #[must_use]
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            keeping: Keeping::default(),
        }
    }

    /// Where this user's histories are, a directory for each program.
    ///
    /// # Errors
    /// Neither `XDG_STATE_HOME` nor `HOME` is set.
    pub fn home() -> Result<PathBuf, Error> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let state = set("XDG_STATE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(set("HOME")?).join(".local/state")));
        let state = state.ok_or_else(|| {
            let message = "there is no place for a history: set XDG_STATE_HOME or HOME";
            Error::new(ErrorKind::Configuration, Stage::Configure, message)
        })?;
        Ok(state.join("backstop/history"))
    }

    /// For how long and how much is kept. Default: 30 days and 256 MB.
    #[must_use]
    pub fn keep(mut self, keeping: Keeping) -> Self {
        self.keeping = keeping;
        self
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of a day.
    #[must_use]
    pub fn day_path(&self, date: Date) -> PathBuf {
        self.directory.join(day::name_of(date))
    }

    /// The day files, oldest first. What has no day for a name is none of them.
    ///
    /// # Errors
    /// The directory does not exist or cannot be read.
    pub fn days(&self) -> Result<Vec<DayFile>, Error> {
        day::list(&self.directory)
    }

    /// Opens this history for writing; the directory is made if there is none.
    ///
    /// # Errors
    /// Another writer has it ([`ErrorKind::Held`]), or it cannot be made.
    pub fn writer(&self) -> Result<HistoryWriter, Error> {
        HistoryWriter::open(self)
    }

    /// Removes the days that are older than is to be kept, then the oldest until the rest is small
    /// enough. The last day is never removed, and nothing that is no day of a history.
    ///
    /// # Errors
    /// The directory does not exist or cannot be read.
    pub fn prune(&self) -> Result<Pruned, Error> {
        self.prune_before(utc_day(Timestamp::now()))
    }

    /// What [`prune`](Self::prune) would do.
    ///
    /// # Errors
    /// As [`prune`](Self::prune).
    pub fn rehearse_prune(&self) -> Result<Pruned, Error> {
        let today = utc_day(Timestamp::now());
        keeping::prune(
            &self.directory,
            &self.keeping,
            today,
            keeping::Act::Rehearse,
        )
    }

    /// Prunes on the day `today`, which in fast time is not today.
    fn prune_before(&self, today: Date) -> Result<Pruned, Error> {
        keeping::prune(&self.directory, &self.keeping, today, keeping::Act::Remove)
    }

    /// Reads the days of the last `since` until today, or all. See [`read`](Self::read).
    ///
    /// # Errors
    /// The directory does not exist or cannot be read.
    pub fn read_last(
        &self,
        since: Option<Duration>,
        take: impl FnMut(Line),
    ) -> Result<Reading, Error> {
        let first = since.map(|since| {
            let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
            Timestamp::now()
                .checked_sub(since)
                .map_or(Date::MIN, utc_day)
        });
        self.read(first.unwrap_or(Date::MIN), Date::MAX, take)
    }

    /// Reads the days from `first` to `last`, oldest first, and gives `take` every line in the order in
    /// which they were written. One line is held in memory at a time. What cannot be read is skipped and
    /// named in the answer.
    ///
    /// # Errors
    /// The directory does not exist or cannot be read.
    pub fn read(&self, first: Date, last: Date, take: impl FnMut(Line)) -> Result<Reading, Error> {
        reading::read(self.days()?, first, last, take)
    }
}

/// The day of a moment, by which the files of a history are named.
pub(super) fn utc_day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}
