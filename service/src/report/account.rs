//! A report on a period of a history.

mod builder;
mod findings;
mod gaps;
mod holdings;
mod periods;
mod releases;
mod runs;
mod unknown;

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::machine::Machine;
use super::series::Series;
use crate::history::{Event, History, utc_day};
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::monitor::{Readings, Severity};

pub use findings::{FindingAccount, FindingState, FindingsAccount};
pub use gaps::{Gap, GapReason, Gaps};
pub use holdings::{KindAccount, SiteAccount};
pub use periods::{MinMeanMax, PeriodAccount, View};
pub use releases::Releases;
pub use runs::{RunAccount, RunState};
pub use unknown::Unknown;

/// The period of a report, and how it is divided.
#[derive(Debug, Clone)]
pub struct Request {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) zone: TimeZone,
    pub(super) view: View,
}

/// A report on a period of a history. Its size is bounded, however large the history is.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// The history's directory.
    pub history: PathBuf,
    /// The period.
    pub span: Span,
    /// Number of samples.
    pub samples: Samples,
    /// The last [`Account::RUNS`] runs.
    pub runs: Vec<RunAccount>,
    /// Number of all runs.
    pub run_count: u64,
    /// Findings.
    pub findings: FindingsAccount,
    /// Events, counted by kind and severity.
    pub event_counts: Vec<EventCount>,
    /// The last events, at most [`Account::EVENTS`].
    pub events: Vec<Event>,
    /// How releases ended; `None` without a ledger.
    pub releases: Option<Releases>,
    /// Open resources by kind, highest number first.
    pub kinds: Vec<KindAccount>,
    /// Open resources by site at the end, highest number first.
    pub sites: Vec<SiteAccount>,
    /// Times without data.
    pub gaps: Gaps,
    /// Whether it is divided by day, week or month.
    pub view: View,
    /// The days, weeks or months with samples, oldest first.
    pub periods: Vec<PeriodAccount>,
    /// What is unknown, and why.
    pub unknown: Vec<Unknown>,
    /// Each measure over time.
    pub series: Vec<Series>,
    /// The machine on which the report was made, where it was [added](Account::on).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
}

/// A period of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// The reader's time zone: its name, or its offset if it has none.
    pub zone: String,
}

/// The samples of a report.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Samples {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Option<Timestamp>,
    /// The last.
    pub last: Option<Timestamp>,
    /// The usual interval between samples, at the end of the period.
    pub interval_seconds: Option<f64>,
    /// The name of the program that was monitored last.
    pub program: Option<String>,
    /// Its PID.
    pub pid: Option<i32>,
    /// How many of them have each expensive reading, and from how many it was left out.
    pub readings: Readings,
}

/// Events of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventCount {
    /// The kind.
    pub kind: crate::history::EventKind,
    /// The severity.
    pub severity: Option<Severity>,
    /// How many.
    pub count: u64,
}

impl Request {
    /// The time from `from` to `until`, by day, in this machine's time zone.
    ///
    /// # Errors
    /// It ends before it starts.
    pub fn between(from: Timestamp, until: Timestamp) -> Result<Self, Error> {
        if from >= until {
            let message = "the period of a report ends before it starts";
            return Err(
                Error::new(ErrorKind::Configuration, Stage::Configure, message)
                    .with("from", from)
                    .with("until", until),
            );
        }
        Ok(Self {
            from,
            until,
            zone: TimeZone::system(),
            view: View::Day,
        })
    }

    /// The last `span` until now, by day, in this machine's time zone.
    #[must_use]
    pub fn last(span: Duration) -> Self {
        let until = Timestamp::now();
        let from = SignedDuration::try_from(span)
            .ok()
            .and_then(|span| until.checked_sub(span).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            from,
            until,
            zone: TimeZone::system(),
            view: View::Day,
        }
    }

    /// Divides it by days, weeks or months.
    #[must_use]
    pub fn by(mut self, view: View) -> Self {
        self.view = view;
        self
    }

    /// Displays and divides it by the calendar of another time zone.
    #[must_use]
    pub fn in_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }
}

impl Account {
    /// The maximum number of runs listed.
    pub const RUNS: usize = 50;
    /// The maximum number of events listed.
    pub const EVENTS: usize = 200;
    /// The maximum number of findings listed.
    pub const FINDINGS: usize = 500;
    /// The maximum number of kinds, and of sites, listed.
    pub const HOLDINGS: usize = 64;

    /// Reads a history line by line, and returns the report on a period of it.
    ///
    /// # Errors
    /// The history's directory does not exist or cannot be read. An unreadable day or line is not
    /// an error: it is listed as unknown.
    pub fn of(history: &History, request: &Request) -> Result<Self, Error> {
        let mut builder = builder::AccountBuilder::new(request);
        let reading = history.read(utc_day(request.from), utc_day(request.until), |line| {
            builder.take(line);
        })?;
        Ok(builder.finish(history.directory(), &reading))
    }

    /// The highest severity among the open findings; `None` if none is open.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        let open = self.findings.list.iter().filter(|one| one.is_open());
        open.map(|one| one.finding.severity).max()
    }

    /// Sets the name of what was monitored, if it has a better name than its first process.
    #[must_use]
    pub fn titled(mut self, name: impl Into<String>) -> Self {
        self.samples.program = Some(name.into());
        self
    }

    /// Adds the description of the machine.
    #[must_use]
    pub fn on(mut self, machine: Machine) -> Self {
        self.machine = Some(machine);
        self
    }

    /// The series of a measure.
    #[must_use]
    pub fn series(&self, measure: super::Measure) -> Option<&Series> {
        self.series.iter().find(|series| series.measure == measure)
    }

    /// The reader's time zone.
    pub(super) fn zone(&self) -> TimeZone {
        zone_of(&self.span.zone)
    }
}

/// The name by which a zone can be looked up again.
fn name_of(zone: &TimeZone, at: Timestamp) -> String {
    match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => zone.to_offset(at).to_string(),
    }
}

fn zone_of(name: &str) -> TimeZone {
    TimeZone::get(name)
        .or_else(|_| {
            let time: Result<jiff::Zoned, _> = format!("2000-01-01T00:00[{name}]").parse();
            time.map(|time| time.time_zone().clone())
        })
        .unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests;
