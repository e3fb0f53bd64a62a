//! The lines of a history.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use backstop_core::monitor::{
    Change, Finding, LedgerSample, Moment, Sample, Severity, Suggestion, suggestions,
};

/// One line.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Line {
    /// A run of a program started, continued over midnight or ended: `backstop.run/1`.
    Run(RunLine),
    /// A sample: `backstop.sample/1`.
    Sample(Box<Sample>),
    /// A change of a finding: `backstop.finding/1`.
    Finding(Box<FindingLine>),
    /// Anything else that happened: `backstop.event/1`.
    Event(Event),
    /// Lines that could not be written: `backstop.loss/1`.
    Loss(LostLines),
}

/// A run: from when a writer opened the history until it closed it, or was killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLine {
    /// When.
    pub at: Timestamp,
    /// The identifier of the run.
    pub run: String,
    /// What happened to it.
    pub stage: RunStage,
    /// The process that writes.
    pub pid: u32,
    /// Its program's name.
    pub program: String,
}

/// What happened to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStage {
    /// It started.
    Began,
    /// It started on an earlier day and continues.
    Continued,
    /// It ended normally.
    Ended,
}

/// A change of a finding, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingLine {
    /// When.
    pub at: Moment,
    /// What changed.
    pub change: FindingChange,
    /// The finding.
    pub finding: Finding,
    /// What to do about it, while it is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

/// How a finding changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingChange {
    /// It is new.
    Opened,
    /// It was opened on an earlier day and is still open.
    Continued,
    /// Its severity has changed.
    Severity,
    /// It no longer holds.
    Cleared,
}

/// Something that happened, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The kind of event.
    pub kind: EventKind,
    /// The severity, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// One sentence, of at most [`Event::TEXT`] bytes.
    pub text: String,
    /// Data for programs, of at most [`Event::DATA`] bytes of JSON.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub data: serde_json::Value,
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EventKind {
    /// An alert was delivered.
    Alert,
    /// A remedy was applied.
    Remedy,
    /// A release worth recording, such as one that ended stuck.
    Release,
    /// A report was made, such as that of a run.
    Report,
    /// Anything else.
    Note,
}

/// Missing lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostLines {
    /// When it was recorded.
    pub at: Timestamp,
    /// Since when lines are missing.
    pub since: Timestamp,
    /// How many.
    pub lines: u64,
    /// Why.
    pub reason: LossReason,
    /// Why, in words.
    pub text: String,
}

/// Why lines are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LossReason {
    /// They could not be written.
    Failed,
    /// The day has used its share of the maximum size, and fewer samples were written.
    Thinned,
}

impl Event {
    /// The maximum length of a text in bytes.
    pub const TEXT: usize = 4096;
    /// The maximum size of data in bytes.
    pub const DATA: usize = 64 << 10;

    /// An event that happened now.
    #[must_use]
    pub fn new(kind: EventKind, text: impl Into<String>) -> Self {
        Self {
            at: Timestamp::now(),
            kind,
            severity: None,
            text: text.into(),
            data: serde_json::Value::Null,
        }
    }

    /// Sets its severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Adds data.
    #[must_use]
    pub fn data(mut self, data: serde_json::Value) -> Self {
        self.data = data;
        self
    }

    /// Sets when it happened, if not now.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = at;
        self
    }
}

impl FindingLine {
    /// A change by a sample, whose ledger the suggestions are made of.
    pub(super) fn of(at: Moment, change: &Change, ledger: Option<&LedgerSample>) -> Self {
        Self {
            at,
            suggestions: match change {
                Change::Cleared(_) => Vec::new(),
                Change::Opened(finding) | Change::Severity(finding) => suggestions(finding, ledger),
            },
            change: match change {
                Change::Opened(_) => FindingChange::Opened,
                Change::Severity(_) => FindingChange::Severity,
                Change::Cleared(_) => FindingChange::Cleared,
            },
            finding: change.finding().clone(),
        }
    }
}

/// The schemas that this version writes.
pub(super) const SAMPLE: &str = "backstop.sample/1";
pub(super) const FINDING: &str = "backstop.finding/1";
pub(super) const EVENT: &str = "backstop.event/1";
pub(super) const RUN: &str = "backstop.run/1";
pub(super) const LOSS: &str = "backstop.loss/1";

/// Appends a line to the buffer.
pub(super) fn put<T: Serialize>(buffer: &mut Vec<u8>, schema: &'static str, data: &T) {
    #[derive(Serialize)]
    struct Tagged<'a, T> {
        schema: &'static str,
        #[serde(flatten)]
        data: &'a T,
    }
    let start = buffer.len();
    match serde_json::to_writer(&mut *buffer, &Tagged { schema, data }) {
        Ok(()) => buffer.push(b'\n'),
        // Values of these types can all be serialized; half a line would be worse than none.
        Err(_) => buffer.truncate(start),
    }
}

/// The result of parsing a line.
pub(super) enum Parsed {
    Line(Line),
    /// It has a schema of ours that this version does not know.
    Unknown,
}

/// Parses a line.
pub(super) fn parse(text: &[u8]) -> Result<Parsed, serde_json::Error> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        schema: Cow<'a, str>,
    }
    let head: Head<'_> = serde_json::from_slice(text)?;
    Ok(Parsed::Line(match &*head.schema {
        SAMPLE => Line::Sample(serde_json::from_slice(text)?),
        FINDING => Line::Finding(serde_json::from_slice(text)?),
        EVENT => Line::Event(serde_json::from_slice(text)?),
        RUN => Line::Run(serde_json::from_slice(text)?),
        LOSS => Line::Loss(serde_json::from_slice(text)?),
        other if other.starts_with("backstop.") => return Ok(Parsed::Unknown),
        other => {
            let message = format!("`{}` is not a schema of a history", other.escape_debug());
            return Err(serde::de::Error::custom(message));
        }
    }))
}

impl Line {
    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Run(line) => line.at,
            Self::Sample(sample) => sample.at.time,
            Self::Finding(line) => line.at.time,
            Self::Event(event) => event.at,
            Self::Loss(loss) => loss.at,
        }
    }
}
