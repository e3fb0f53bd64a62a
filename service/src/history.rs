//! Samples, findings and events on disk: one file per day, one JSON object per line.

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
    Event, EventKind, FindingChange, FindingLine, Line, LossReason, LostLines, RunLine, RunStage,
};
pub use reading::{DayReading, Place, Reading};
pub use writer::{HistoryWriter, Written};

/// The history of one program: a directory with a file for each day (in UTC, so that no day has 23
/// hours), `2026-11-21.ndjson`, and the lock of its single writer.
///
/// Each day can be read on its own: it starts with the current run and the open findings. Any tool
/// for lines of JSON can read it; each line names its schema, such as `backstop.sample/1`.
#[derive(Debug, Clone)]
pub struct History {
    directory: PathBuf,
    keeping: Keeping,
}

impl History {
    /// The history of the program `name`, in the directory of this user's histories:
    /// `$XDG_STATE_HOME/backstop/history/NAME`, else `~/.local/state/backstop/history/NAME`.
    ///
    /// # Errors
    /// Neither `XDG_STATE_HOME` nor `HOME` is set, or the name is not valid for a directory.
    pub fn of(name: &str) -> Result<Self, Error> {
        let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
        if !is_name {
            let message =
                "invalid history name: it must not be empty, start with a dot or contain a slash";
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

    /// The directory of this user's histories, with a subdirectory for each program.
    ///
    /// # Errors
    /// Neither `XDG_STATE_HOME` nor `HOME` is set.
    pub fn home() -> Result<PathBuf, Error> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let state = set("XDG_STATE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(set("HOME")?).join(".local/state")));
        let state = state.ok_or_else(|| {
            let message = "no directory for a history: set XDG_STATE_HOME or HOME";
            Error::new(ErrorKind::Configuration, Stage::Configure, message)
        })?;
        Ok(state.join("backstop/history"))
    }

    /// How long and how much is kept. Default: 30 days and 256 MB.
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

    /// The day files, oldest first. Files with other names are ignored.
    ///
    /// # Errors
    /// The directory does not exist or cannot be read.
    pub fn days(&self) -> Result<Vec<DayFile>, Error> {
        day::list(&self.directory)
    }

    /// Opens this history for writing; creates the directory if there is none.
    ///
    /// # Errors
    /// Another writer has it open ([`ErrorKind::Held`]), or it cannot be created.
    pub fn writer(&self) -> Result<HistoryWriter, Error> {
        HistoryWriter::open(self)
    }

    /// Removes the days beyond the maximum age, then the oldest until the rest is within the
    /// maximum size. The last day is never removed, nor anything that is not a day of a history.
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

    /// Prunes as of the day `today`, which differs from the current day in simulated time.
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

    /// Reads the days from `first` to `last`, oldest first, and passes every line to `take` in the
    /// order in which they were written. One line is in memory at a time. Unreadable places are
    /// skipped and listed in the result.
    ///
    /// # Errors
    /// The directory does not exist or cannot be read.
    pub fn read(&self, first: Date, last: Date, take: impl FnMut(Line)) -> Result<Reading, Error> {
        reading::read(self.days()?, first, last, take)
    }
}

/// The UTC day of a time, by which the files of a history are named.
pub(super) fn utc_day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}
