//! What a span of history comes to.

mod findings;
mod gaps;
mod gathering;
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
pub use periods::{PeriodAccount, Spread, View};
pub use releases::Releases;
pub use runs::{RunAccount, RunState};
pub use unknown::Unknown;

/// Of which span an account is wanted, and how it is divided.
#[derive(Debug, Clone)]
pub struct Request {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) zone: TimeZone,
    pub(super) view: View,
}

/// What a span of history comes to. It has a bounded size, whatever the history has.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// The history's directory.
    pub history: PathBuf,
    /// Of which span.
    pub span: Span,
    /// How many samples there were.
    pub samples: Samples,
    /// The runs that were seen, the last [`Account::RUNS`].
    pub runs: Vec<RunAccount>,
    /// How many runs there were in all.
    pub run_count: u64,
    /// Findings.
    pub findings: FindingsAccount,
    /// Events, counted by sort and severity.
    pub event_counts: Vec<EventCount>,
    /// The last events, at most [`Account::EVENTS`].
    pub events: Vec<Event>,
    /// How releases ended; `None` without a ledger.
    pub releases: Option<Releases>,
    /// What was open by kind, the most first.
    pub kinds: Vec<KindAccount>,
    /// What was open by site at the end, the most first.
    pub sites: Vec<SiteAccount>,
    /// Times of which nothing is known.
    pub gaps: Gaps,
    /// By day, week or month.
    pub view: View,
    /// Those with any samples, oldest first.
    pub periods: Vec<PeriodAccount>,
    /// What is not known, and why.
    pub unknown: Vec<Unknown>,
    /// Each measure over time.
    pub series: Vec<Series>,
    /// The machine on which the report was made, where it was [added](Account::on).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
}

/// A span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// The time zone in which people read it: its name, or its offset where it has none.
    pub zone: String,
}

/// How many samples there were.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Samples {
    /// So many.
    pub count: u64,
    /// The first.
    pub first: Option<Timestamp>,
    /// The last.
    pub last: Option<Timestamp>,
    /// The usual time between two, at the end of the span.
    pub interval_seconds: Option<f64>,
    /// The name of the program that was watched last.
    pub program: Option<String>,
    /// Its number.
    pub pid: Option<i32>,
    /// How many of them have each expensive reading, and from how many it was left out.
    pub readings: Readings,
}

/// Events of one sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventCount {
    /// The sort.
    pub kind: crate::history::EventKind,
    /// How bad.
    pub severity: Option<Severity>,
    /// How many.
    pub count: u64,
}

impl Request {
    /// The time from `from` to `until`, by day, in this machine's time zone.
    ///
    /// # Errors
    /// It ends before it begins.
    pub fn between(from: Timestamp, until: Timestamp) -> Result<Self, Error> {
        if from >= until {
            let message = "the span of a report ends before it begins";
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

    /// Shows and divides it by the calendar of another time zone.
    #[must_use]
    pub fn in_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }
}

impl Account {
    /// The most runs that are listed.
    pub const RUNS: usize = 50;
    /// The most events that are listed.
    pub const EVENTS: usize = 200;
    /// The most findings that are listed.
    pub const FINDINGS: usize = 500;
    /// The most kinds, and the most sites, that are listed.
    pub const HOLDINGS: usize = 64;

    /// Reads a history, a line at a time, and gives the account of a span of it.
    ///
    /// # Errors
    /// The history's directory does not exist or cannot be read. A day or a line of it that cannot be
    /// read is no error: it is named among what is not known.
    pub fn of(history: &History, request: &Request) -> Result<Self, Error> {
        let mut gathering = gathering::Gathering::new(request);
        let reading = history.read(utc_day(request.from), utc_day(request.until), |line| {
            gathering.take(line);
        })?;
        Ok(gathering.finish(history.directory(), &reading))
    }

    /// The worst severity among the findings that are open; `None` if none is.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        let open = self.findings.list.iter().filter(|one| one.is_open());
        open.map(|one| one.finding.severity).max()
    }

    /// Names what was watched, where that has a better name than its first process.
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

    /// The time zone in which people read it.
    pub(super) fn zone(&self) -> TimeZone {
        zone_of(&self.span.zone)
    }
}

/// The name by which a zone can be found again.
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
