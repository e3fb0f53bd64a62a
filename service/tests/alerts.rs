//! Alerts from a monitor's findings to real sinks.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backstop_core::error::Error;
use backstop_core::monitor::{
    Change, Evidence, Finding, FindingKind, FindingSubject, Moment, Observation, Observer,
    ProcessSample, Sample, Severity, Unit,
};
use backstop_core::resource::{Bytes, Deadline};
use backstop_service::alert::{
    Alert, AlertRules, Alerts, ChannelSink, EventSink, Level, LogFile, LogFiles, Rotation,
    Transition,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn finding(kind: FindingKind, subject: String, severity: Severity, text: &str) -> Finding {
    let now = Moment::now();
    Finding {
        kind,
        subject: FindingSubject::Kind { kind: subject },
        severity,
        evidence: Evidence {
            value: 91.0,
            limit: 85.0,
            unit: Unit::Percent,
            per_hour: None,
            text: text.into(),
            sparse: None,
        },
        first_seen: now,
        last_seen: now,
        cleared: None,
        seen: 1,
        openings: 1,
    }
}

fn numbered(number: u32, severity: Severity) -> Finding {
    let subject = format!("kind.{number}");
    finding(FindingKind::GrowingKind, subject, severity, "91 of 85")
}

/// All of these were found just now.
fn opened(findings: Vec<Finding>, at: Moment) -> Observation {
    Observation {
        sample: Sample {
            at,
            disturbances: Vec::new(),
            left_out: Vec::new(),
            process: ProcessSample::default(),
            system: None,
            ledger: None,
        },
        changes: findings.iter().cloned().map(Change::Opened).collect(),
        open: findings,
    }
}

fn show(alerts: &Alerts, findings: Vec<Finding>) {
    alerts.clone().observe(&opened(findings, Moment::now()));
    assert!(alerts.flush(Deadline::after(PATIENCE)));
}

fn resident() -> u64 {
    let own = i32::try_from(std::process::id()).expect("a PID is small");
    let stat = backstop_os::process_table::stat(own).expect("/proc is readable");
    stat.resident_bytes
}

#[test]
fn a_storm_needs_bounded_memory_and_its_loss_is_disclosed() {
    const STORM: u32 = 100_000;
    const ROUNDS: u32 = 8;
    let (sink, taken) = ChannelSink::bounded(100_000);
    let alerts = Alerts::builder().sink("channel", sink).start().unwrap();
    let start = Moment::now();
    let mut after_first = 0;
    for round in 0..ROUNDS {
        let numbers = round * STORM..(round + 1) * STORM;
        let storm = numbers.map(|number| numbered(number, Severity::High));
        let at = start.later(Duration::from_secs(u64::from(round)));
        alerts.clone().observe(&opened(storm.collect(), at));
        assert!(alerts.statistics().findings <= 1024);
        if round == 0 {
            after_first = resident();
        }
    }
    let grown = resident().saturating_sub(after_first);
    assert!(grown < 32_000_000, "grew by {}", Bytes(grown));
    // Everything is cleared, and is reported bit by bit as the throttle allows.
    for minute in 1..100 {
        let at = start.later(Duration::from_secs(60 + 61 * minute));
        alerts.clone().observe(&opened(Vec::new(), at));
    }
    let last = start.later(Duration::from_secs(10_000));
    let one = numbered(u32::MAX, Severity::Critical);
    alerts.clone().observe(&opened(vec![one], last));
    assert!(alerts.flush(Deadline::after(PATIENCE)));
    let statistics = alerts.statistics();
    assert_eq!(statistics.findings, 1);
    let told: Vec<Alert> = taken.try_iter().collect();
    assert!(told.len() < 200, "{} alerts", told.len());
    let raised = |alert: &&Alert| alert.transition == Transition::Raised;
    let raised = told.iter().filter(raised).count() as u64;
    let disclosed: u64 = told.iter().map(|alert| alert.lost + alert.suppressed).sum();
    assert_eq!(disclosed, statistics.lost + statistics.suppressed);
    // Each finding opened, and each that had a place closed again: the changes that were not
    // reported are disclosed, one by one.
    let opened = u64::from(STORM * ROUNDS) + 1;
    assert!(disclosed + raised >= opened, "{disclosed} + {raised}");
    assert!(disclosed <= 2 * opened);
}

#[test]
fn a_sink_that_hangs_blocks_no_other_and_learns_what_it_missed() {
    let (releases, held) = crossbeam_channel::bounded::<()>(0);
    let (sink, taken) = ChannelSink::bounded(100);
    let (late, late_taken) = crossbeam_channel::unbounded();
    let hanging = move |alert: &Alert| {
        if alert.serial == 1 {
            // Returns when the other end is dropped.
            let _ = held.recv();
        }
        let _ = late.send(alert.lost);
    };
    let alerts = Alerts::builder()
        .patience(Duration::from_secs(2))
        .sink("hanging", hanging)
        .sink("channel", sink)
        .start()
        .unwrap();
    show(&alerts, vec![numbered(1, Severity::High)]);
    show(&alerts, vec![numbered(2, Severity::High)]);
    let serials: Vec<u64> = taken.try_iter().map(|alert| alert.serial).collect();
    assert_eq!(serials, [1, 2]);
    let statistics = &alerts.statistics().sinks[0];
    assert_eq!((statistics.delivered, statistics.lost), (0, 2));
    drop(releases);
    assert_eq!(late_taken.recv_timeout(PATIENCE), Ok(0));
    // Until its thread has dropped it, it misses more; each is disclosed by the first it accepts.
    let mut number = 3;
    let disclosed = loop {
        show(&alerts, vec![numbered(number, Severity::High)]);
        if let Ok(lost) = late_taken.try_recv() {
            break lost;
        }
        number += 1;
    };
    assert_eq!(disclosed, u64::from(number - 1));
}

#[test]
fn a_sink_that_panics_or_is_full_is_counted() {
    let (sink, taken) = ChannelSink::bounded(1);
    let broken = |_: &Alert| panic!("on purpose");
    let alerts = Alerts::builder()
        .sink("broken", broken)
        .sink("full", sink)
        .sink("events", EventSink)
        .start()
        .unwrap();
    for number in 0..3 {
        show(&alerts, vec![numbered(number, Severity::Medium)]);
    }
    let [broken, full, events] = &alerts.statistics().sinks[..] else {
        panic!("three sinks");
    };
    assert_eq!((broken.delivered, broken.lost), (0, 3));
    assert_eq!(broken.last_error.as_deref(), Some("panicked: on purpose"));
    assert_eq!((full.delivered, full.lost), (1, 2));
    assert_eq!((events.delivered, events.lost), (3, 0));
    assert_eq!(taken.try_recv().unwrap().lost, 0);
    show(&alerts, vec![numbered(9, Severity::Medium)]);
    assert_eq!(taken.try_recv().unwrap().lost, 2);
}

#[test]
fn pending_alerts_are_delivered_when_the_last_handle_is_dropped() {
    let (sink, taken) = ChannelSink::bounded(100);
    let alerts = Alerts::builder().sink("channel", sink).start().unwrap();
    let many = (0..20).map(|number| numbered(number, Severity::High));
    let observation = opened(many.collect(), Moment::now());
    alerts.clone().observe(&observation);
    drop(alerts);
    for _ in 0..20 {
        taken.recv_timeout(PATIENCE).unwrap();
    }
}

#[test]
fn invalid_rules_are_refused() {
    let error = AlertRules::default().with_burst(0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid alert burst `0`: expected a number greater than zero"
    );
}

fn lines(directory: &Path, log: LogFile) -> Vec<String> {
    let text = fs::read_to_string(directory.join(log.name())).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn logging(files: &LogFiles) -> Alerts {
    Alerts::builder()
        .sink("log", files.clone())
        .start()
        .expect("a thread is available")
}

#[test]
fn each_log_file_has_its_own_lines() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("deep/logs");
    let files = LogFiles::new(&place, Rotation::default());
    let alerts = logging(&files);
    let memory = FindingKind::MemoryNearLimit;
    let text = "1.7 GB\nof 1.5 GB\u{1b}[31m";
    show(
        &alerts,
        vec![
            numbered(1, Severity::Medium),
            numbered(2, Severity::Critical),
            finding(memory, "m".into(), Severity::Medium, text),
        ],
    );
    let main = lines(&place, LogFile::Main);
    assert_eq!(main.len(), 3);
    assert!(main[0].contains(" critical raised: growing.kind (kind.2): 91 of 85"));
    assert_eq!(lines(&place, LogFile::Errors), main[..1]);
    let performance = lines(&place, LogFile::Performance);
    assert_eq!(performance.len(), 1);
    let line = &performance[0];
    let said = "limit.memory (m): 1.7 GB\\nof 1.5 GB\\u{1b}[31m; suggestion: ";
    assert!(line.contains(said), "{line}");
}

#[test]
fn log_files_stay_within_their_bound() {
    let directory = tempfile::tempdir().unwrap();
    let rotation = Rotation::default().with_size(Bytes(2000)).unwrap();
    let files = LogFiles::new(directory.path(), rotation.with_kept(2));
    for number in 0..500 {
        let line = format!("line {number} of many, long enough to fill a file");
        let time = jiff::Timestamp::now();
        files.write(&LogFile::ALL, time, &line).unwrap();
    }
    let entries: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(entries.len(), 9);
    for entry in entries {
        assert!(entry.unwrap().metadata().unwrap().len() <= 2000);
    }
    let main = lines(directory.path(), LogFile::Main);
    assert!(main.last().unwrap().contains("line 499"));
}

#[test]
fn a_full_disk_is_counted_and_shown_and_stops_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let main = directory.path().join(LogFile::Main.name());
    std::os::unix::fs::symlink("/dev/full", &main).unwrap();
    let files = LogFiles::new(directory.path(), Rotation::default());
    let alerts = logging(&files);
    show(&alerts, vec![numbered(1, Severity::Critical)]);
    let log = alerts.statistics().sinks.remove(0);
    assert_eq!((log.delivered, log.lost), (0, 1));
    let error = log.last_error.unwrap();
    assert!(error.contains("main.log"), "{error}");
    assert!(error.contains("No space left"), "{error}");
    // The other file was written, and the next line reports the loss once there is space again.
    assert_eq!(lines(directory.path(), LogFile::Errors).len(), 1);
    fs::remove_file(&main).unwrap();
    show(&alerts, vec![numbered(2, Severity::Critical)]);
    let [line] = &lines(directory.path(), LogFile::Main)[..] else {
        panic!("one line");
    };
    assert!(line.contains("1 update of other findings lost"), "{line}");
}

#[test]
fn a_directory_that_cannot_be_created_is_counted_and_shown() {
    let files = LogFiles::new("/proc/backstop-has-no-logs", Rotation::default());
    let alerts = logging(&files);
    show(&alerts, vec![numbered(1, Severity::High)]);
    show(&alerts, vec![numbered(2, Severity::High)]);
    let log = alerts.statistics().sinks.remove(0);
    assert_eq!((log.delivered, log.lost), (0, 2));
    assert!(log.last_error.unwrap().contains("main.log"));
}

#[test]
fn a_cleared_finding_is_reported_as_resolved() {
    let (sink, taken) = ChannelSink::bounded(10);
    let mut alerts = Alerts::builder().sink("channel", sink).start().unwrap();
    let start = Moment::now();
    let one = numbered(1, Severity::High);
    alerts.observe(&opened(vec![one.clone()], start));
    let end = start.later(Duration::from_secs(100));
    let mut over = opened(Vec::new(), end);
    over.changes = vec![Change::Cleared(Finding {
        cleared: Some(end),
        ..one
    })];
    alerts.observe(&over);
    let calm = opened(Vec::new(), start.later(Duration::from_secs(140)));
    alerts.observe(&calm);
    assert!(alerts.flush(Deadline::after(PATIENCE)));
    let told: Vec<_> = taken.try_iter().collect();
    let [raised, resolved] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(raised.transition, Transition::Raised);
    assert_eq!(resolved.transition, Transition::Resolved);
    assert_eq!(resolved.level, Level::Error);
    assert_eq!(resolved.finding.cleared, Some(end));
}

#[test]
fn sinks_are_called_on_a_thread_of_backstops_own() {
    let elsewhere = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&elsewhere);
    let own = std::thread::current().id();
    let sink = move |_: &Alert| seen.store(std::thread::current().id() != own, Ordering::Release);
    let alerts = Alerts::builder().sink("here", sink).start().unwrap();
    show(&alerts, vec![numbered(1, Severity::High)]);
    assert!(elsewhere.load(Ordering::Acquire));
}

#[test]
fn a_failing_sink_reports_the_reason() -> Result<(), Error> {
    let (sink, taken) = ChannelSink::bounded(1);
    drop(taken);
    let alerts = Alerts::builder().sink("gone", sink).start()?;
    show(&alerts, vec![numbered(1, Severity::High)]);
    let gone = alerts.statistics().sinks.remove(0);
    let reason = "the receiver of the channel was dropped";
    assert_eq!(gone.last_error.as_deref(), Some(reason));
    Ok(())
}
