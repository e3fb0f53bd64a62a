//! The report for a terminal.

use std::fmt::Write;

use super::quantity::{self, Clock};
use crate::report::account::{Account, FindingAccount, FindingState};
use crate::report::series::{Point, Series};
use backstop_core::text::{counted, printable};

/// Number of characters in a line of values.
const SPARKS: usize = 48;

pub(super) fn render(account: &Account) -> String {
    let clock = Clock::of(account);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, account, &clock);
    text
}

fn write(text: &mut String, account: &Account, clock: &Clock) -> std::fmt::Result {
    writeln!(
        text,
        "{}: {}",
        printable(&quantity::subject(account)),
        quantity::verdict(account)
    )?;
    writeln!(
        text,
        "{} to {}, {}; {}, {}",
        clock.minute(account.span.from),
        clock.minute(account.span.until),
        clock.name(account),
        quantity::samples(account),
        quantity::runs(account)
    )?;
    if !account.series.is_empty() {
        writeln!(text)?;
    }
    for series in &account.series {
        let show = |value: f64| quantity::value(value, series.unit);
        writeln!(
            text,
            "{:<24} {}  peak {}, mean {}, last {}{}",
            series.measure.title(),
            sparks(series),
            show(series.peak),
            show(series.mean),
            show(series.last),
            series.per_hour.map_or_else(String::new, |rate| format!(
                ", {}",
                quantity::rate(rate, series.unit)
            ))
        )?;
    }
    if !account.findings.list.is_empty() {
        writeln!(text, "\nFindings")?;
    }
    for finding in &account.findings.list {
        writeln!(
            text,
            "  {} {} {} ({}): {}; {}",
            state(finding),
            finding.worst,
            finding.finding.kind,
            printable(&finding.finding.subject.to_string()),
            printable(&finding.finding.evidence.text),
            times(finding, clock)
        )?;
        for suggestion in &finding.suggestions {
            writeln!(
                text,
                "    suggestion: {}",
                printable(&suggestion.to_string())
            )?;
        }
    }
    if let Some(releases) = account.releases {
        writeln!(
            text,
            "\nReleases: {} succeeded, {} failed",
            releases.succeeded, releases.failed
        )?;
    }
    if !account.kinds.is_empty() {
        writeln!(text, "\nOpen by kind: at start, peak, at end")?;
    }
    for kind in &account.kinds {
        writeln!(
            text,
            "  {:<24} {:>8} {:>8} {:>8}  {}",
            printable(&kind.kind),
            kind.first,
            kind.peak,
            kind.last,
            kind.bytes
        )?;
    }
    if account.periods.len() > 1 {
        writeln!(text, "\n{}", view_title(account))?;
    }
    for period in account.periods.iter().filter(|_| account.periods.len() > 1) {
        let memory = period.memory.map_or_else(String::new, |memory| {
            let show = |value| quantity::value(value, backstop_core::monitor::Unit::Bytes);
            format!("peak memory {}", show(memory.max))
        });
        let rate = period.memory_per_hour.map_or_else(String::new, |rate| {
            format!(
                ", {}",
                quantity::rate(rate, backstop_core::monitor::Unit::Bytes)
            )
        });
        writeln!(
            text,
            "  {}  {memory}{rate}; {}, {}, {} of {} failed",
            period.date,
            counted(period.opened, "finding", "findings"),
            counted(period.alerts, "alert", "alerts"),
            period.releases.failed,
            counted(
                period.releases.failed + period.releases.succeeded,
                "release",
                "releases"
            )
        )?;
    }
    if !account.events.is_empty() {
        writeln!(text, "\nEvents")?;
    }
    for event in &account.events {
        let severity = event
            .severity
            .map_or_else(String::new, |one| format!(" {one}"));
        let kind = format!("{:?}", event.kind).to_lowercase();
        writeln!(
            text,
            "  {} {kind}{severity}: {}",
            clock.second(event.at),
            printable(&event.text)
        )?;
    }
    if let Some(machine) = &account.machine {
        writeln!(text, "\nMachine of this report")?;
        for (name, value) in machine.lines() {
            writeln!(text, "  {name:<12} {}", printable(&value))?;
        }
    }
    for gap in &account.gaps.longest {
        writeln!(text, "\nGap: {}", clock.gap(gap))?;
    }
    if !account.unknown.is_empty() {
        writeln!(text, "\nUnknown")?;
    }
    for unknown in &account.unknown {
        writeln!(
            text,
            "  {}: {}",
            printable(&unknown.what),
            printable(&unknown.why)
        )?;
    }
    Ok(())
}

pub(super) fn view_title(account: &Account) -> &'static str {
    use crate::report::account::View;
    match account.view {
        View::Day => "By day",
        View::Week => "By week",
        View::Month => "By month",
    }
}

pub(super) fn state(finding: &FindingAccount) -> &'static str {
    match finding.state {
        FindingState::Open => "open",
        FindingState::Ended => "ended with its run",
        FindingState::Cleared => "cleared",
    }
}

pub(super) fn times(finding: &FindingAccount, clock: &Clock) -> String {
    let first = clock.minute(finding.finding.first_seen.time);
    let end = finding.finding.cleared.map(|cleared| cleared.time);
    match end.or(finding.ended) {
        Some(end) => format!("from {first} to {}", clock.minute(end)),
        None => format!("since {first}"),
    }
}

/// The means over time, in eight heights; a blank where nothing is known.
fn sparks(series: &Series) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let (Some(first), Some(last)) = (series.points.first(), series.points.last()) else {
        return String::new();
    };
    let all = last.at.duration_since(first.at).as_secs_f64().max(1.0);
    let mut most = [None::<f64>; SPARKS];
    let place = |point: &Point| {
        let part = point.at.duration_since(first.at).as_secs_f64() / all;
        ((part * SPARKS as f64) as usize).min(SPARKS - 1)
    };
    let mut before: Option<usize> = None;
    for point in &series.points {
        let here = place(point);
        most[here] = Some(most[here].map_or(point.mean, |other| other.max(point.mean)));
        // Few points are far apart: the space between two of one line is no gap.
        if let Some(before) = before.filter(|_| !point.begins) {
            for slot in &mut most[before + 1..here.max(before + 1)] {
                *slot = slot.or(Some(point.mean));
            }
        }
        before = Some(here);
    }
    let range = series.peak - series.least;
    let height = |value: f64| match range {
        0.0 => 0,
        _ => (((value - series.least) / range * 8.0) as usize).min(7),
    };
    most.iter()
        .map(|value| value.map_or(' ', |value| HEIGHTS[height(value)]))
        .collect()
}
