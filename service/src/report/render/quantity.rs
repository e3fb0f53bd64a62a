//! Numbers with units, times by the reader's calendar, and the sentence at the top of a report.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::report::account::{Account, FindingState, Gap};

pub(super) use crate::report::quantity::{digits, rate, seconds, size_of, value};

/// How many samples, as in `1 sample`.
pub(super) fn samples(account: &Account) -> String {
    let noun = if account.samples.count == 1 {
        "sample"
    } else {
        "samples"
    };
    format!("{} {noun}", digits(account.samples.count as f64))
}

/// How many runs, as in `2 runs`.
pub(super) fn runs(account: &Account) -> String {
    backstop_core::text::counted(account.run_count, "run", "runs")
}

/// Formats times by one zone's calendar.
pub(super) struct Clock {
    zone: TimeZone,
    is_short: bool,
}

impl Clock {
    pub(super) fn of(account: &Account) -> Self {
        let span = account.span.until.duration_since(account.span.from);
        Self {
            zone: account.zone(),
            is_short: span.as_secs() < 3600,
        }
    }

    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// To the minute; in a period shorter than an hour, to the second.
    pub(super) fn minute(&self, at: Timestamp) -> String {
        match self.is_short {
            true => self.second(at),
            false => self.shown(at, "%Y-%m-%d %H:%M"),
        }
    }

    /// To the second.
    pub(super) fn second(&self, at: Timestamp) -> String {
        self.shown(at, "%Y-%m-%d %H:%M:%S")
    }

    /// The zone, as `Europe/Berlin (UTC+01:00)`.
    pub(super) fn name(&self, account: &Account) -> String {
        let offset = self.shown(account.span.until, "UTC%:z");
        match account.span.zone.as_str() {
            "UTC" | "Etc/UTC" => "UTC".into(),
            zone => format!("{zone} ({offset})"),
        }
    }

    pub(super) fn gap(&self, gap: &Gap) -> String {
        format!(
            "{} to {} ({}): {}",
            self.minute(gap.from),
            self.minute(gap.until),
            seconds(gap.seconds()),
            gap.reason.text()
        )
    }

    fn shown(&self, at: Timestamp, format: &str) -> String {
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }
}

/// The report in one sentence.
pub(super) fn verdict(account: &Account) -> String {
    let with = |state| {
        let list = account.findings.list.iter();
        let worst = list.filter(|finding| finding.state == state);
        let worst: Vec<_> = worst.map(|finding| finding.worst).collect();
        Some((worst.len(), *worst.iter().max()?))
    };
    if account.samples.count == 0 {
        return "Nothing was recorded in this period.".into();
    }
    match (with(FindingState::Open), with(FindingState::Ended)) {
        (Some((1, worst)), _) => format!("1 finding is open, severity {worst}."),
        (Some((count, worst)), _) => {
            format!("{count} findings are open, highest severity {worst}.")
        }
        (None, Some((1, worst))) => {
            format!("1 finding of severity {worst} was open when its run ended.")
        }
        (None, Some((count, worst))) => {
            format!("{count} findings of severity up to {worst} were open when their runs ended.")
        }
        (None, None) if account.findings.opened > 0 => {
            let count = account.findings.opened;
            format!("No finding is open; {count} were cleared.")
        }
        (None, None) => "No findings.".into(),
    }
}

/// The subject of the report.
pub(super) fn subject(account: &Account) -> String {
    let program = account
        .samples
        .program
        .as_deref()
        .filter(|name| !name.is_empty());
    let directory = account
        .history
        .file_name()
        .map(|name| name.to_string_lossy());
    match (program, directory) {
        (Some(program), _) => program.to_owned(),
        (None, Some(directory)) => directory.into_owned(),
        (None, None) => "history".into(),
    }
}
