use jiff::civil::date;

use super::*;
use crate::history::{EventKind, Keeping, Line};
use backstop_core::monitor::{
    Evidence, Finding, FindingKind, FindingSubject, LedgerSample, Moment, ProcessSample, Sample,
    Severity, SiteTally, Unit,
};
use backstop_testkit::{Suite, skip};

fn moment(time: &str) -> Moment {
    Moment {
        awake: Duration::from_secs(1000),
        since_boot: Duration::from_secs(1000),
        time: time.parse().unwrap(),
    }
}

fn sample(at: Moment) -> Sample {
    Sample {
        at,
        disturbances: Vec::new(),
        left_out: Vec::new(),
        process: ProcessSample::default(),
        system: None,
        ledger: None,
    }
}

fn observation(at: Moment) -> Observation {
    Observation {
        sample: sample(at),
        changes: Vec::new(),
        open: Vec::new(),
    }
}

fn finding(at: Moment) -> Finding {
    Finding {
        kind: FindingKind::GrowingMemory,
        subject: FindingSubject::Process,
        severity: Severity::High,
        evidence: Evidence {
            value: 1e9,
            limit: 5e7,
            unit: Unit::Bytes,
            per_hour: Some(1e8),
            text: "memory grows".into(),
            sparse: None,
        },
        first_seen: at,
        last_seen: at,
        cleared: None,
        seen: 1,
        openings: 1,
    }
}

fn lines_of(history: &History) -> Vec<Line> {
    let mut lines = Vec::new();
    let reading = history
        .read(Date::MIN, Date::MAX, |line| lines.push(line))
        .unwrap();
    assert_eq!(reading.unreadable, []);
    lines
}

#[test]
fn a_day_can_be_read_on_its_own() {
    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path().join("new/history"));
    let mut writer = history.writer().unwrap();
    let evening = moment("2026-11-20T23:59:50Z");
    let opened = finding(evening);
    let mut first = observation(evening);
    first.changes.push(Change::Opened(opened.clone()));
    first.open.push(opened.clone());
    writer.observe(&first);
    let midnight = evening.later(Duration::from_secs(20));
    writer.record(&Event::new(EventKind::Note, "midnight").at(midnight.time));
    let mut second = observation(midnight);
    second.open.push(opened);
    writer.observe(&second);
    drop(writer);

    let dates: Vec<_> = history.days().unwrap().iter().map(|day| day.date).collect();
    assert_eq!(dates, [date(2026, 11, 20), date(2026, 11, 21)]);
    let mut lines = Vec::new();
    history
        .read(dates[1], dates[1], |line| lines.push(line))
        .unwrap();
    let [
        Line::Run(begin),
        Line::Event(_),
        Line::Finding(finding),
        Line::Sample(_),
        Line::Run(end),
    ] = &lines[..]
    else {
        panic!("{lines:?}");
    };
    assert_eq!(begin.stage, RunStage::Continued);
    assert_eq!(finding.change, FindingChange::Continued);
    assert_eq!((end.stage, &end.run), (RunStage::Ended, &begin.run));
    assert!(end.at >= midnight.time && end.at < midnight.later(Duration::from_secs(600)).time);
}

#[test]
fn a_history_has_one_writer() {
    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path());
    let writer = history.writer().unwrap();
    let error = history.writer().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Held);
    drop(writer);
    history.writer().unwrap();
}

#[test]
fn after_a_kill_in_mid_line_the_next_run_starts_a_new_line() {
    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path());
    let at = moment("2026-11-20T12:00:00Z");
    let path = history.day_path(date(2026, 11, 20));
    std::fs::write(&path, "{\"schema\":\"backstop.sam").unwrap();
    history.writer().unwrap().observe(&observation(at));
    let mut lines = 0;
    let reading = history.read(Date::MIN, Date::MAX, |_| lines += 1).unwrap();
    assert_eq!((lines, reading.unreadable.len()), (3, 1));
    assert_eq!(reading.unreadable[0].line, Some(1));
}

#[test]
fn a_removed_file_is_created_again() {
    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path());
    let mut writer = history.writer().unwrap();
    let at = moment("2026-11-20T12:00:00Z");
    writer.observe(&observation(at));
    std::fs::remove_file(history.day_path(date(2026, 11, 20))).unwrap();
    writer.observe(&observation(at.later(Duration::from_secs(1))));
    assert_eq!(lines_of(&history).len(), 2);
}

#[test]
fn a_day_that_uses_its_share_gets_fewer_samples_and_records_it() {
    let place = tempfile::tempdir().unwrap();
    let keeping = Keeping::new(Duration::from_secs(86_400), Bytes::megabytes(1)).unwrap();
    let history = History::at(place.path()).keep(keeping);
    let mut writer = history.writer().unwrap();
    let site = SiteTally {
        kind: "k".repeat(100),
        site: "s".repeat(100),
        tally: Default::default(),
        oldest: Duration::ZERO,
    };
    let mut at = moment("2026-11-20T00:00:00Z");
    for _ in 0..3600 {
        at = at.later(Duration::from_secs(1));
        let mut seen = observation(at);
        seen.sample.ledger = Some(LedgerSample {
            sites: vec![site.clone(); 64],
            ..LedgerSample::default()
        });
        writer.observe(&seen);
    }
    let written = writer.written();
    drop(writer);
    assert!(written.thinned > 3000, "{written:?}");
    assert_eq!(written.lost, 0);
    let used = history.days().unwrap()[0].bytes;
    assert!(used < 1_000_000, "{used}");
    let thinned: u64 = lines_of(&history)
        .iter()
        .filter_map(|line| match line {
            Line::Loss(loss) if loss.reason == LossReason::Thinned => Some(loss.lines),
            _ => None,
        })
        .sum();
    assert_eq!(thinned, written.thinned);
}

#[test]
fn a_storm_of_events_ends_at_the_limit_and_is_counted() {
    let place = tempfile::tempdir().unwrap();
    let keeping = Keeping::new(Duration::from_secs(86_400), Bytes::megabytes(1)).unwrap();
    let history = History::at(place.path()).keep(keeping);
    let writer = history.writer().unwrap();
    let at = "2026-11-20T12:00:00Z".parse().unwrap();
    let event = Event::new(EventKind::Alert, "x".repeat(10_000)).at(at);
    for _ in 0..1000 {
        writer.record(&event);
    }
    let written = writer.written();
    assert!(written.bytes <= Bytes(1_125_000), "{written:?}");
    assert_eq!(written.lines + written.lost, 1000);
    assert!(written.lost > 500);
}

#[test]
fn data_that_is_too_long_is_omitted_and_the_event_written() {
    let place = tempfile::tempdir().unwrap();
    let history = History::at(place.path());
    let writer = history.writer().unwrap();
    let text = "é".repeat(Event::TEXT);
    let data = serde_json::json!({ "long": "x".repeat(Event::DATA) });
    writer.record(&Event::new(EventKind::Report, text).data(data));
    let lines = lines_of(&history);
    let Some(Line::Event(event)) = lines.get(1) else {
        panic!("{lines:?}");
    };
    assert_eq!(event.text.len(), Event::TEXT);
    assert_eq!(event.data["omitted"], "data too long");
}

/// In its own process, with a small disk that only it sees.
#[test]
fn a_full_disk_loses_lines_that_are_counted_and_recorded() {
    const PLACE: &str = "BACKSTOP_TEST_FULL_DISK";
    if let Some(disk) = std::env::var_os(PLACE) {
        let disk = std::path::PathBuf::from(disk);
        on_a_small_disk(&disk);
        // Beside the disk, which ends with its process: a test of another name would play nothing.
        return std::fs::write(disk.with_file_name("played"), "").unwrap();
    }
    let place = tempfile::tempdir().unwrap();
    let disk = place.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let (_, module) = module_path!().split_once("::").unwrap();
    let name = format!("{module}::a_full_disk_loses_lines_that_are_counted_and_recorded");
    let script =
        "mount -t tmpfs -o size=64k none \"$BACKSTOP_TEST_FULL_DISK\" || exit 99; exec \"$@\"";
    let status = std::process::Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(PLACE, &disk)
        .status();
    match status.map(|status| status.code()) {
        Ok(Some(0)) => assert!(place.path().join("played").exists()),
        Ok(Some(1 | 99)) | Err(_) => skip(Suite::FullDisk, "no disk can be mounted here"),
        other => panic!("{other:?}"),
    }
}

fn on_a_small_disk(place: &std::path::Path) {
    let ballast = place.join("ballast");
    std::fs::write(&ballast, vec![7; 32 << 10]).unwrap();
    let history = History::at(place.join("history"));
    let mut writer = history.writer().unwrap();
    let mut at = moment("2026-11-20T12:00:00Z");
    for _ in 0..1000 {
        at = at.later(Duration::from_secs(1));
        writer.observe(&observation(at));
    }
    let full = writer.written();
    // A panic would end like a failed mount, and be mistaken for a skip.
    if full.lost < 500 || full.lines + full.lost != 1000 {
        std::process::abort();
    }
    std::fs::remove_file(&ballast).unwrap();
    writer.observe(&observation(at.later(Duration::from_secs(1))));
    drop(writer);
    let lost: u64 = lines_of(&history)
        .iter()
        .map(|line| match line {
            Line::Loss(loss) => loss.lines,
            _ => 0,
        })
        .sum();
    if lost != full.lost {
        std::process::abort();
    }
}
