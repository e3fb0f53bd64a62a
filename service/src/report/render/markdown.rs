//! The report as Markdown.

use std::fmt::Write;

use super::quantity::{self, Clock};
use super::text::{state, times, view_title};
use crate::report::account::{Account, FindingAccount};
use backstop_core::monitor::Unit;
use backstop_core::text::printable;

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
        "# Report of {}\n",
        escape(&quantity::subject(account))
    )?;
    writeln!(text, "**{}**\n", quantity::verdict(account))?;
    writeln!(
        text,
        "{} to {}, {}; {}, {}\n",
        clock.minute(account.span.from),
        clock.minute(account.span.until),
        escape(&clock.name(account)),
        quantity::samples(account),
        quantity::runs(account)
    )?;
    if !account.series.is_empty() {
        table(
            text,
            "Measures",
            &["measure", "peak", "at", "mean", "last", "growth"],
        )?;
    }
    for series in &account.series {
        let show = |value: f64| quantity::value(value, series.unit);
        let rate = series
            .per_hour
            .map(|rate| quantity::rate(rate, series.unit));
        row(
            text,
            &[
                series.measure.title().into(),
                show(series.peak),
                clock.minute(series.peak_at),
                show(series.mean),
                show(series.last),
                rate.unwrap_or_default(),
            ],
        )?;
    }
    if !account.findings.list.is_empty() {
        table(
            text,
            "Findings",
            &[
                "state",
                "severity",
                "kind",
                "subject",
                "evidence",
                "when",
                "suggestion",
            ],
        )?;
    }
    for finding in &account.findings.list {
        row(
            text,
            &[
                state(finding).into(),
                finding.worst.to_string(),
                finding.finding.kind.to_string(),
                finding.finding.subject.to_string(),
                finding.finding.evidence.text.clone(),
                times(finding, clock),
                suggested(finding),
            ],
        )?;
    }
    if let Some(releases) = account.releases {
        let (good, bad) = (releases.succeeded, releases.failed);
        writeln!(text, "\nReleases: {good} succeeded, {bad} failed")?;
    }
    if !account.kinds.is_empty() {
        table(
            text,
            "Open by kind",
            &["kind", "at start", "peak", "at end", "bytes"],
        )?;
    }
    for kind in &account.kinds {
        let counts = [kind.first, kind.peak, kind.last].map(|count| count.to_string());
        let [first, peak, last] = counts;
        row(
            text,
            &[kind.kind.clone(), first, peak, last, kind.bytes.to_string()],
        )?;
    }
    let headings = [
        "from",
        "peak memory",
        "growth",
        "findings",
        "alerts",
        "failed releases",
    ];
    if account.periods.len() > 1 {
        table(text, view_title(account), &headings)?;
        for period in &account.periods {
            let memory = period
                .memory
                .map(|memory| quantity::value(memory.max, Unit::Bytes));
            let rate = period
                .memory_per_hour
                .map(|rate| quantity::rate(rate, Unit::Bytes));
            row(
                text,
                &[
                    period.date.to_string(),
                    memory.unwrap_or_default(),
                    rate.unwrap_or_default(),
                    period.opened.to_string(),
                    period.alerts.to_string(),
                    period.releases.failed.to_string(),
                ],
            )?;
        }
    }
    if !account.events.is_empty() {
        table(text, "Events", &["when", "what", "severity", "text"])?;
    }
    for event in &account.events {
        row(
            text,
            &[
                clock.second(event.at),
                format!("{:?}", event.kind).to_lowercase(),
                event
                    .severity
                    .map(|one| one.to_string())
                    .unwrap_or_default(),
                event.text.clone(),
            ],
        )?;
    }
    if let Some(machine) = &account.machine {
        table(text, "Machine of this report", &["what", "value"])?;
        for (name, value) in machine.lines() {
            row(text, &[name.to_owned(), value])?;
        }
    }
    if !account.unknown.is_empty() {
        writeln!(text, "\n## Unknown\n")?;
    }
    for unknown in &account.unknown {
        writeln!(
            text,
            "- {}: {}",
            escape(&unknown.what),
            escape(&unknown.why)
        )?;
    }
    for gap in &account.gaps.longest {
        writeln!(text, "- {}", clock.gap(gap))?;
    }
    Ok(())
}

fn suggested(finding: &FindingAccount) -> String {
    let all = finding.suggestions.iter().map(ToString::to_string);
    all.collect::<Vec<_>>().join(" ")
}

fn table(text: &mut String, title: &str, headings: &[&str]) -> std::fmt::Result {
    writeln!(text, "\n## {title}\n\n| {} |", headings.join(" | "))?;
    writeln!(text, "|{}", " --- |".repeat(headings.len()))
}

fn row(text: &mut String, cells: &[String]) -> std::fmt::Result {
    let cells: Vec<_> = cells.iter().map(|cell| escape(cell)).collect();
    writeln!(text, "| {} |", cells.join(" | "))
}

/// Text without any markup: a label is untrusted, and may contain markup or a link.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    // A line break would end the row of a table.
    for letter in printable(text).chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '&' | '~' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_is_not_markup() {
        assert_eq!(
            escape("a|b\n<script>[x](y)`"),
            "a\\|b\\\\n\\<script\\>\\[x\\](y)\\`"
        );
    }
}
