//! The report as one page that loads nothing and runs no script.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{self, Mark, Stage};
use super::quantity::{self, Clock};
use super::text::{state, times, view_title};
use crate::report::account::{Account, FindingAccount, FindingState, PeriodAccount};
use crate::report::series::{Measure, Series};
use backstop_core::monitor::{FindingKind, Unit};

const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded or run, whatever a label contains.
const SECURITY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(super) fn render(account: &Account) -> String {
    let clock = Clock::of(account);
    let subject = quantity::subject(account);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(SECURITY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("backstop ", env!("CARGO_PKG_VERSION")));
                title { "Report of " (subject) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (header(account, &subject, &clock))
                    (tiles(account))
                    (findings(account, &clock))
                    (charts(account, &clock))
                    (periods(account))
                    (holdings(account))
                    (events(account, &clock))
                    (runs(account, &clock))
                    (machine(account))
                    (unknown(account, &clock))
                }
            }
        }
    };
    page.into_string()
}

fn header(account: &Account, subject: &str, clock: &Clock) -> Markup {
    // What was open when a run ended still counts: it is only closed because the run is over.
    let list = account.findings.list.iter();
    let left = list.filter(|finding| finding.state != FindingState::Cleared);
    let class = match left.map(|finding| finding.worst).max() {
        Some(worst) => worst.to_string(),
        None if account.samples.count == 0 => "none".into(),
        None => "fine".into(),
    };
    html! {
        header {
            h1 { (subject) }
            p class={ "verdict " (class) } { (quantity::verdict(account)) }
            p.facts {
                (clock.minute(account.span.from)) " to " (clock.minute(account.span.until))
                ", " (clock.name(account))
                " · " (quantity::samples(account))
                @if let Some(seconds) = account.samples.interval_seconds {
                    ", one every " (quantity::seconds(seconds))
                }
                " · " (quantity::runs(account))
            }
        }
    }
}

fn tiles(account: &Account) -> Markup {
    let of = |measure| account.series(measure);
    let peak = |series: &Series| quantity::value(series.peak, series.unit);
    let growth = |series: &Series| {
        let per_hour = series.per_hour?;
        Some(quantity::rate(per_hour, series.unit))
    };
    let handles = |series: &Series| match series.limit {
        Some(limit) => format!("of {}", quantity::value(limit, Unit::Count)),
        None => String::new(),
    };
    let share = account.releases.and_then(|releases| {
        let share = releases.success_share()?;
        // Rounded down: 99.96 % is not all.
        let percent = (share * 1000.0).floor() / 10.0;
        Some((releases, format!("{percent} %")))
    });
    html! {
        dl.tiles {
            @if let Some(memory) = of(Measure::Memory) {
                div { dt { "Peak memory" } dd { (peak(memory)) }
                    dd.note { (quantity::value(memory.last, memory.unit)) " at the end" } }
                div { dt { "Memory growth" }
                    dd { (growth(memory).unwrap_or_else(|| "unknown".into())) }
                    dd.note { "median slope over the whole period" } }
            }
            @if let Some(series) = of(Measure::Handles) {
                div { dt { "Peak open files" } dd { (peak(series)) } dd.note { (handles(series)) } }
            }
            @if let Some((releases, share)) = share {
                div { dt { "Successful releases" } dd { (share) }
                    dd.note { (quantity::digits(releases.failed as f64)) " failed" } }
            }
            div { dt { "Findings opened" } dd { (account.findings.opened) }
                dd.note { (account.findings.cleared) " cleared, " (account.findings.open) " open" } }
        }
    }
}

fn findings(account: &Account, clock: &Clock) -> Markup {
    html! {
        @if !account.findings.list.is_empty() {
            section {
                h2 { "Findings" }
                ul.findings {
                    @for finding in &account.findings.list {
                        li class={ (finding.worst) @if !finding.is_open() { " past" } } {
                            p {
                                span class={ "badge " (finding.worst) } { (finding.worst) } " "
                                b { (finding.finding.kind) } " "
                                span.site { (finding.finding.subject) }
                            }
                            p { (finding.finding.evidence.text) }
                            @for suggestion in &finding.suggestions {
                                p.suggestion { "Suggestion: " (suggestion) }
                            }
                            p.facts {
                                (state(finding)) " · " (times(finding, clock))
                                @if finding.opened > 1 { " · opened " (finding.opened) " times" }
                            }
                        }
                    }
                }
                @if account.findings.omitted > 0 {
                    p.facts { (account.findings.omitted) " more not listed." }
                }
            }
        }
    }
}

fn charts(account: &Account, clock: &Clock) -> Markup {
    let (Some(first), Some(last)) = (account.samples.first, account.samples.last) else {
        return html! {};
    };
    let stage = Stage {
        from: first,
        until: last,
    };
    html! {
        section {
            h2 { "Over time" }
            p.facts {
                "The line is the mean, the band is min to max. It is broken \
                 where there is no data. Bars below show when a finding was open."
            }
            div.charts {
                @for series in &account.series {
                    (chart::figure(series, stage, &marks(account, series.measure, stage, clock), clock))
                }
            }
        }
    }
}

/// The findings about a measure.
fn marks(account: &Account, measure: Measure, stage: Stage, clock: &Clock) -> Vec<Mark> {
    let concerns = |finding: &&FindingAccount| measure_of(finding.finding.kind) == Some(measure);
    let mark = |finding: &FindingAccount| {
        let cleared = finding.finding.cleared.map(|cleared| cleared.time);
        let end = cleared.or(finding.ended).unwrap_or(stage.until);
        Mark {
            from: finding.finding.first_seen.time,
            until: end,
            severity: finding.worst.to_string(),
            text: format!(
                "{} {}: {}",
                finding.worst,
                finding.finding.kind,
                times(finding, clock)
            ),
        }
    };
    account
        .findings
        .list
        .iter()
        .filter(concerns)
        .map(mark)
        .collect()
}

fn measure_of(kind: FindingKind) -> Option<Measure> {
    Some(match kind {
        FindingKind::GrowingMemory
        | FindingKind::RetainedMemory
        | FindingKind::NativeMemory
        | FindingKind::MemoryNearLimit => Measure::Memory,
        FindingKind::GrowingHandles | FindingKind::HandlesNearLimit => Measure::Handles,
        FindingKind::GrowingThreads | FindingKind::OrphanedThread => Measure::Threads,
        FindingKind::GrowingChildren => Measure::Children,
        FindingKind::SystemMemoryNearLimit => Measure::SystemMemory,
        FindingKind::GrowingKind
        | FindingKind::GrowingSite
        | FindingKind::HeldIdle
        | FindingKind::OverLifetime
        | FindingKind::OrphanedResource => Measure::Resources,
        _ => return None,
    })
}

/// A heading, and whether its column is numeric.
type Column = (&'static str, bool);

fn table(title: &str, columns: &[Column], rows: &[Vec<String>]) -> Markup {
    html! {
        section {
            h2 { (title) }
            div.scroll {
                table {
                    thead {
                        tr {
                            @for (name, is_number) in columns {
                                th.number[*is_number] scope="col" { (name) }
                            }
                        }
                    }
                    tbody {
                        @for row in rows {
                            tr {
                                @for (cell, (_, is_number)) in row.iter().zip(columns) {
                                    td.number[*is_number] { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn periods(account: &Account) -> Markup {
    if account.periods.is_empty() {
        return html! {};
    }
    let bytes = |value: Option<f64>| {
        value.map_or_else(
            || "–".to_owned(),
            |value| quantity::value(value, Unit::Bytes),
        )
    };
    let count = |value: Option<f64>| {
        value.map_or_else(
            || "–".to_owned(),
            |value| quantity::value(value, Unit::Count),
        )
    };
    let row = |period: &PeriodAccount| {
        let rate = period.memory_per_hour;
        vec![
            period.date.strftime("%a %Y-%m-%d").to_string(),
            bytes(period.memory.map(|memory| memory.mean)),
            bytes(period.memory.map(|memory| memory.max)),
            rate.map_or_else(|| "–".to_owned(), |rate| quantity::rate(rate, Unit::Bytes)),
            count(period.handles),
            count(period.threads),
            format!("{} / {}", period.opened, period.cleared),
            period.alerts.to_string(),
            quantity::digits(period.releases.failed as f64),
            quantity::digits(period.samples as f64),
        ]
    };
    let columns = [
        ("From", false),
        ("Mean memory", true),
        ("peak", true),
        ("growth", true),
        ("Open files", true),
        ("Threads", true),
        ("Findings, opened / cleared", true),
        ("Alerts", true),
        ("Failed releases", true),
        ("Samples", true),
    ];
    let rows: Vec<_> = account.periods.iter().map(row).collect();
    table(view_title(account), &columns, &rows)
}

fn holdings(account: &Account) -> Markup {
    let kinds: Vec<_> = account
        .kinds
        .iter()
        .map(|kind| {
            let count = |count: u64| quantity::digits(count as f64);
            vec![
                kind.kind.clone(),
                count(kind.first),
                count(kind.peak),
                count(kind.last),
                quantity::value(kind.bytes.0 as f64, Unit::Bytes),
            ]
        })
        .collect();
    let sites: Vec<_> = account
        .sites
        .iter()
        .map(|site| {
            vec![
                site.site.clone(),
                site.kind.clone(),
                quantity::digits(site.live as f64),
                quantity::value(site.bytes.0 as f64, Unit::Bytes),
                quantity::seconds(site.oldest_seconds),
            ]
        })
        .collect();
    let of_kinds = [
        ("Kind", false),
        ("At start", true),
        ("Peak", true),
        ("At end", true),
        ("Bytes", true),
    ];
    let of_sites = [
        ("Site", false),
        ("Kind", false),
        ("Open", true),
        ("Bytes", true),
        ("Oldest", true),
    ];
    html! {
        @if !kinds.is_empty() { (table("Open resources by kind", &of_kinds, &kinds)) }
        @if !sites.is_empty() { (table("Open resources at the end by site", &of_sites, &sites)) }
    }
}

fn events(account: &Account, clock: &Clock) -> Markup {
    let all: u64 = account.event_counts.iter().map(|count| count.count).sum();
    html! {
        @if !account.events.is_empty() {
            section {
                h2 { "Alerts and other events" }
                p.facts {
                    @for (number, count) in account.event_counts.iter().enumerate() {
                        @if number > 0 { " · " }
                        (count.count) " × " (format!("{:?}", count.kind).to_lowercase())
                        @if let Some(severity) = count.severity { " (" (severity) ")" }
                    }
                    @if all > account.events.len() as u64 {
                        "; the last " (account.events.len()) " are listed"
                    }
                }
                ol.events {
                    @for event in &account.events {
                        li {
                            time datetime=(event.at) { (clock.second(event.at)) } " "
                            @if let Some(severity) = event.severity {
                                span class={ "badge " (severity) } { (severity) } " "
                            }
                            b { (format!("{:?}", event.kind).to_lowercase()) } " " (event.text)
                        }
                    }
                }
            }
        }
    }
}

fn runs(account: &Account, clock: &Clock) -> Markup {
    let rows: Vec<_> = account
        .runs
        .iter()
        .map(|run| {
            vec![
                run.program.clone(),
                run.pid.to_string(),
                clock.minute(run.from),
                clock.minute(run.until),
                run.state.text().into(),
                quantity::digits(run.samples as f64),
            ]
        })
        .collect();
    let columns = [
        ("Program", false),
        ("PID", true),
        ("From", false),
        ("Until", false),
        ("State", false),
        ("Samples", true),
    ];
    html! { @if !rows.is_empty() { (table("Runs", &columns, &rows)) } }
}

fn machine(account: &Account) -> Markup {
    let Some(machine) = &account.machine else {
        return html! {};
    };
    let lines = machine.lines().into_iter();
    let rows: Vec<_> = lines
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    table(
        "Machine of this report",
        &[("What", false), ("Value", false)],
        &rows,
    )
}

fn unknown(account: &Account, clock: &Clock) -> Markup {
    html! {
        section {
            h2 { "Unknown" }
            @if account.unknown.is_empty() {
                p.facts { "Nothing: no gaps, and no lost or unreadable lines." }
            } @else {
                ul {
                    @for unknown in &account.unknown {
                        li { b { (unknown.what) } ": " (unknown.why) }
                    }
                    @for gap in &account.gaps.longest { li { (clock.gap(gap)) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
