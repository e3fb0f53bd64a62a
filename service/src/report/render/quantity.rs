//! Numbers with units, and times by the reader's calendar.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::report::account::{Account, FindingState, Gap};
use backstop_core::monitor::Unit;

const SIZES: [(&str, f64); 5] = [
    ("TB", 1e12),
    ("GB", 1e9),
    ("MB", 1e6),
    ("kB", 1e3),
    ("B", 1.0),
];

/// A value in its unit, such as `1.53 GB`.
pub(super) fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => {
            let (name, size) = size_of(value);
            format!("{} {name}", digits(value / size))
        }
        Unit::Percent => format!("{} %", digits(value)),
        Unit::Seconds => seconds(value),
        _ => digits(value),
    }
}

/// A growth rate, such as `+12.0 MB/h`. Less than the last digit shown is no growth.
pub(super) fn rate(per_hour: f64, unit: Unit) -> String {
    let least = match unit {
        Unit::Bytes => 500.0,
        _ => 0.05,
    };
    if per_hour.abs() < least {
        return format!("0{}/h", value(0.0, unit).trim_start_matches('0'));
    }
    let sign = if per_hour > 0.0 { "+" } else { "−" };
    format!("{sign}{}/h", value(per_hour.abs(), unit))
}

/// The unit for a number of bytes of this size.
pub(super) fn size_of(value: f64) -> (&'static str, f64) {
    let fitting = SIZES.iter().find(|(_, size)| value.abs() >= *size);
    *fitting.unwrap_or(&SIZES[4])
}

/// Three significant digits, and no fraction for whole numbers.
pub(super) fn digits(value: f64) -> String {
    let places = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = grouped(&format!("{value:.places$}"));
    match text.trim_start_matches('-') {
        "0" | "0.0" | "0.00" => "0".into(),
        _ => text,
    }
}

/// Groups thousands with a non-breaking space.
fn grouped(text: &str) -> String {
    let end = text.find('.').unwrap_or(text.len());
    let (whole, rest) = text.split_at(end);
    let mut shown = String::new();
    for (place, digit) in whole.chars().enumerate() {
        let left = whole.len() - place;
        if place > 0 && left.is_multiple_of(3) && !shown.ends_with('-') {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown + rest
}

/// A duration in its two largest units.
pub(in crate::report) fn seconds(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..10 if seconds.fract() != 0.0 => format!("{} s", digits(seconds)),
        0..60 => format!("{whole} s"),
        60..3600 => two(whole, 60, "min", 1, "s"),
        3600..86_400 => two(whole, 3600, "h", 60, "min"),
        _ => two(whole, 86_400, "d", 3600, "h"),
    }
}

fn two(whole: u64, large: u64, large_name: &str, small: u64, small_name: &str) -> String {
    match whole % large / small {
        0 => format!("{} {large_name}", whole / large),
        rest => format!("{} {large_name} {rest} {small_name}", whole / large),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits_and_fitting_units() {
        assert_eq!(value(1.534e9, Unit::Bytes), "1.53 GB");
        assert_eq!(value(999.0, Unit::Bytes), "999 B");
        assert_eq!(value(250e6, Unit::Bytes), "250 MB");
        assert_eq!(value(12.345, Unit::Percent), "12.3 %");
        assert_eq!(value(1_234_567.0, Unit::Count), "1\u{202f}234\u{202f}567");
        assert_eq!(value(90_061.0, Unit::Seconds), "1 d 1 h");
        assert_eq!(value(3600.0, Unit::Seconds), "1 h");
        assert_eq!(rate(12e6, Unit::Bytes), "+12 MB/h");
        assert_eq!(rate(-0.5, Unit::Count), "−0.50/h");
        assert_eq!(rate(3.0, Unit::Bytes), "0 B/h");
        assert_eq!(digits(-0.001), "0");
    }
}
