use std::time::Duration;

use super::*;
use crate::history::EventKind;
use crate::report::Measure;
use backstop_core::monitor::{
    Change, Disturbance, Evidence, Finding, FindingKind, FindingSubject, LedgerSample, LedgerTally,
    Moment, Observation, Observer, ProcessSample, Sample, Unit,
};
use backstop_core::resource::Bytes;

fn start() -> Moment {
    Moment {
        awake: Duration::from_secs(50),
        since_boot: Duration::from_secs(50),
        time: "2026-11-18T22:00:00Z".parse().unwrap(),
    }
}

fn seen(at: Moment, megabytes: u64) -> Observation {
    let live = LedgerTally {
        live: megabytes / 10,
        ..LedgerTally::default()
    };
    Observation {
        sample: Sample {
            at,
            disturbances: Vec::new(),
            left_out: Vec::new(),
            process: ProcessSample {
                pid: 42,
                name: "service".into(),
                resident: Bytes::megabytes(megabytes),
                handles: Some(10),
                handle_limit: Some(1024),
                threads: 3,
                cpu: at.awake / 2,
                ..ProcessSample::default()
            },
            system: None,
            ledger: Some(LedgerSample {
                kinds: [("db.connection".to_owned(), live)].into(),
                released: at.awake.as_secs(),
                stuck: 1,
                ..LedgerSample::default()
            }),
        },
        changes: Vec::new(),
        open: Vec::new(),
    }
}

fn finding(kind: FindingKind, severity: Severity, at: Moment) -> Finding {
    Finding {
        kind,
        subject: FindingSubject::Process,
        severity,
        evidence: Evidence {
            value: 1.0,
            limit: 1.0,
            unit: Unit::Count,
            per_hour: None,
            text: "it grows".into(),
            sparse: None,
        },
        first_seen: at,
        last_seen: at,
        cleared: None,
        seen: 1,
        openings: 1,
    }
}

fn account(history: &History, from: Moment, until: Moment) -> Account {
    let request = Request::between(from.time, until.time)
        .unwrap()
        .in_zone(TimeZone::get("Europe/Berlin").unwrap());
    Account::of(history, &request).unwrap()
}

#[test]
fn the_report_of_a_day_has_its_samples_findings_and_events() {
    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path());
    let mut writer = history.writer().unwrap();
    let mut at = start();
    for minute in 0..24 * 60 {
        at = start().later(Duration::from_secs(60 * minute));
        let mut observation = seen(at, 100 + minute / 6);
        match minute {
            600 => {
                let high = finding(FindingKind::GrowingMemory, Severity::High, at);
                let low = finding(FindingKind::GrowingHandles, Severity::Low, at);
                observation.changes = vec![Change::Opened(high), Change::Opened(low)];
                writer.record(&Event::new(EventKind::Alert, "it grows").at(at.time));
            }
            700 => {
                let low = finding(FindingKind::GrowingHandles, Severity::Low, at);
                observation.changes = vec![Change::Cleared(low)];
            }
            _ => {}
        }
        writer.observe(&observation);
    }
    let account = account(&history, start(), at);
    assert_eq!(account.samples.count, 1440);
    assert_eq!(account.samples.interval_seconds, Some(60.0));
    assert_eq!(account.gaps.count, 0);
    let memory = account.series(Measure::Memory).unwrap();
    assert_eq!((memory.least, memory.peak), (100e6, 339e6));
    assert_eq!((memory.peak, memory.last), (339e6, 339e6));
    let per_hour = memory.per_hour.unwrap();
    assert!((9.9e6..10.1e6).contains(&per_hour), "{per_hour}");
    let processor = account.series(Measure::Processor).unwrap();
    assert!((processor.mean - 50.0).abs() < 0.1, "{processor:?}");
    let releases = account.releases.unwrap();
    assert_eq!(releases.failed, 1);
    assert_eq!(account.findings.opened, 2);
    assert_eq!((account.findings.cleared, account.findings.open), (1, 1));
    assert_eq!(
        account.findings.list[0].finding.kind,
        FindingKind::GrowingMemory
    );
    assert_eq!(account.worst(), Some(Severity::High));
    assert_eq!(account.kinds[0].peak, 33);
    assert_eq!(account.runs[0].state, RunState::GoesOn);
    // 23:00 in Berlin: an hour of the 18th, and the 19th except its last.
    let samples: Vec<_> = account.periods.iter().map(|day| day.samples).collect();
    assert_eq!(samples, [60, 1380]);
    assert_eq!(account.periods[1].alerts, 1);
    assert_eq!(account.unknown, []);
}

#[test]
fn gaps_have_reasons_and_a_killed_run_ends_its_findings() {
    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path());
    let mut at = start();
    let mut play = |writer: &mut crate::history::HistoryWriter, minutes: u64| {
        for _ in 0..minutes {
            at = at.later(Duration::from_secs(60));
            writer.observe(&seen(at, 100));
        }
        at
    };
    let mut writer = history.writer().unwrap();
    let slept = play(&mut writer, 60).later(Duration::from_secs(7200));
    let mut after = seen(slept, 100);
    after.sample.disturbances.push(Disturbance::Suspended {
        span: Duration::from_secs(7100),
    });
    let leak = finding(FindingKind::GrowingMemory, Severity::High, slept);
    after.changes.push(Change::Opened(leak));
    writer.observe(&after);
    // A kill writes no end.
    let path = history.day_path(jiff::civil::date(2026, 11, 19));
    let before = std::fs::read(&path).unwrap();
    drop(writer);
    std::fs::write(&path, before).unwrap();
    let mut writer = history.writer().unwrap();
    let restarted = slept.later(Duration::from_secs(3600));
    for minute in 0..60 {
        writer.observe(&seen(
            restarted.later(Duration::from_secs(60 * minute)),
            100,
        ));
    }
    drop(writer);
    let account = account(
        &history,
        start(),
        restarted.later(Duration::from_secs(3600)),
    );
    let reasons: Vec<_> = account.gaps.longest.iter().map(|gap| gap.reason).collect();
    assert_eq!(reasons, [GapReason::Suspended, GapReason::NotRunning]);
    assert_eq!(account.gaps.seconds, 7200.0 + 3600.0);
    let states: Vec<_> = account.runs.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Vanished, RunState::Ended]);
    assert_eq!(account.findings.list[0].state, FindingState::Ended);
    assert_eq!(account.findings.open, 0);
    let memory = account.series(Measure::Memory).unwrap();
    let begins = memory.points.iter().filter(|point| point.begins).count();
    assert_eq!(begins, 3, "the line is broken at each gap");
    let whats: Vec<_> = account.unknown.iter().map(|one| &*one.what).collect();
    assert_eq!(whats, ["3 h of the period", "how 1 run ended"]);
}

#[test]
fn a_period_starts_with_the_state_before_it() {
    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path());
    let mut writer = history.writer().unwrap();
    for minute in 0..60 {
        let at = start().later(Duration::from_secs(60 * minute));
        let mut observation = seen(at, 100);
        if minute == 5 {
            let leak = finding(FindingKind::GrowingMemory, Severity::High, at);
            observation.changes.push(Change::Opened(leak));
        }
        writer.observe(&observation);
    }
    let middle = start().later(Duration::from_secs(1800));
    let account = account(&history, middle, start().later(Duration::from_secs(3600)));
    assert_eq!(account.samples.count, 30);
    assert_eq!((account.findings.opened, account.findings.open), (0, 1));
    assert_eq!(account.releases.unwrap().succeeded, 29 * 60);
}

#[test]
fn unreadable_places_are_listed_as_unknown() {
    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path());
    let mut writer = history.writer().unwrap();
    writer.observe(&seen(start(), 100));
    drop(writer);
    let path = history.day_path(jiff::civil::date(2026, 11, 18));
    let mut text = std::fs::read(&path).unwrap();
    text.splice(0..0, *b"{]\n");
    text.extend(b"{\"schema\":\"backstop.sample/1\",\"at");
    std::fs::write(&path, text).unwrap();
    let account = account(&history, start(), start().later(Duration::from_secs(60)));
    let whats: Vec<_> = account.unknown.iter().map(|one| &*one.what).collect();
    assert!(whats[0].ends_with("2026-11-18.ndjson:1"), "{whats:?}");
    assert!(whats[1].starts_with("the last line of "), "{whats:?}");
}

#[test]
fn an_empty_history_is_an_empty_report() {
    let place = tempfile::tempdir().unwrap();
    let account = account(
        &History::at(place.path()),
        start(),
        start().later(Duration::from_secs(60)),
    );
    assert_eq!((account.samples.count, account.series.len()), (0, 0));
    assert_eq!(account.unknown[0].what, "everything");
    Request::between(start().time, start().time).unwrap_err();
}

#[test]
fn what_to_do_about_a_finding_is_in_every_form_of_the_report() {
    use backstop_core::monitor::{Rule, SiteTally};

    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path());
    let mut writer = history.writer().unwrap();
    let mut observation = seen(start(), 100);
    let site = "src/pool.rs:7:5".to_owned();
    let kind = "db.connection".to_owned();
    if let Some(ledger) = &mut observation.sample.ledger {
        ledger.sites.push(SiteTally {
            kind: kind.clone(),
            site: site.clone(),
            tally: LedgerTally {
                live: 70,
                ..LedgerTally::default()
            },
            oldest: Duration::from_secs(300),
        });
    }
    let mut growing = finding(FindingKind::GrowingSite, Severity::High, start());
    growing.subject = FindingSubject::Site { kind, site };
    observation.changes = vec![Change::Opened(growing)];
    writer.observe(&observation);
    drop(writer);
    let account = account(&history, start(), start().later(Duration::from_secs(60)));
    let found = &account.findings.list[0];
    assert_eq!(found.suggestions[0].rule, Rule::MostOpen, "{found:?}");
    let expected = "70 db.connection from this site are open";
    assert!(
        account.to_text().contains(expected),
        "{}",
        account.to_text()
    );
    assert!(account.to_html().contains(expected));
    let markdown = account.to_markdown().replace('\\', "");
    assert!(markdown.contains(expected), "{markdown}");
    let json = serde_json::to_value(&account).unwrap();
    let text = &json["findings"]["list"][0]["suggestions"][0]["text"];
    assert!(text.as_str().unwrap().contains(expected), "{json}");
}
