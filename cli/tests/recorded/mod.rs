//! A history of a service that leaks, as a monitor would have written it.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_core::monitor::{
    Change, Disturbance, Evidence, Finding, FindingKind, FindingSubject, LedgerSample, LedgerTally,
    Moment, Observation, Observer, ProcessSample, Sample, Severity, SiteTally, SystemSample, Unit,
};
use backstop_core::resource::Bytes;
use backstop_service::history::{Event, EventKind, History, HistoryWriter};

/// What was recorded.
pub(crate) struct Recorded {
    pub(crate) directory: PathBuf,
    pub(crate) samples: u64,
    /// The most memory.
    pub(crate) peak: f64,
}

const STEP: u64 = 120;

impl Recorded {
    /// Almost a week until now: a leak from the third day on, a night asleep, a restart, a finding that
    /// is cleared, and one that is open.
    pub(crate) fn week(directory: &Path) -> Self {
        let begin = earlier(6 * 86_400 + 40_000);
        let mut recording = Recording::begin(directory, begin);
        recording.go_on(2 * 86_400, 0.0);
        recording.sleep(8 * 3600);
        recording.go_on(86_400, 6e6);
        recording.open(
            FindingKind::GrowingHandles,
            Severity::Medium,
            "handles grow by 12 an hour",
        );
        recording.go_on(12 * 3600, 6e6);
        recording.clear(FindingKind::GrowingHandles);
        recording.restart(3600);
        recording.go_on(2 * 86_400, 9e6);
        recording.open(
            FindingKind::GrowingMemory,
            Severity::High,
            "memory grows by 9.0 MB an hour for 48 hours, from 180.0 MB to 612.0 MB",
        );
        recording.alert("memory grows by 9.0 MB an hour");
        while recording.at.later(Duration::from_secs(STEP)).time < Moment::now().time {
            recording.sample(9e6, Vec::new());
        }
        recording.end(directory)
    }

    /// The last hour, in which nothing happened.
    pub(crate) fn hour(directory: &Path) -> Self {
        let mut recording = Recording::begin(directory, earlier(3600));
        recording.go_on(3500, 0.0);
        recording.end(directory)
    }
}

/// A moment so many seconds ago.
fn earlier(seconds: u64) -> Moment {
    Moment {
        awake: Duration::ZERO,
        since_boot: Duration::ZERO,
        time: Moment::now().time - Duration::from_secs(seconds),
    }
}

struct Recording {
    history: History,
    writer: Option<HistoryWriter>,
    at: Moment,
    memory: f64,
    handles: u64,
    open: Vec<Finding>,
    samples: u64,
    peak: f64,
    pid: i32,
    /// Since the process began.
    number: u64,
    suspended: Option<Duration>,
}

impl Recording {
    fn begin(directory: &Path, at: Moment) -> Self {
        let history = History::at(directory);
        Self {
            writer: Some(history.writer().unwrap()),
            history,
            at,
            memory: 180e6,
            handles: 40,
            open: Vec::new(),
            samples: 0,
            peak: 0.0,
            pid: 4711,
            number: 0,
            suspended: None,
        }
    }

    /// The last run goes on: its writer is never dropped.
    fn end(mut self, directory: &Path) -> Recorded {
        self.writer.take().map(Box::new).map(Box::leak);
        Recorded {
            directory: directory.to_owned(),
            samples: self.samples,
            peak: self.peak,
        }
    }

    fn go_on(&mut self, seconds: u64, per_hour: f64) {
        for _ in 0..seconds / STEP {
            self.sample(per_hour, Vec::new());
        }
    }

    fn sleep(&mut self, seconds: u64) {
        let span = Duration::from_secs(seconds);
        self.at.since_boot += span;
        self.at.time += span;
        self.suspended = Some(span);
    }

    fn restart(&mut self, seconds: u64) {
        self.writer = None;
        self.at = self.at.later(Duration::from_secs(seconds));
        (self.pid, self.number, self.memory) = (self.pid + 1000, 0, 180e6);
        self.writer = Some(self.history.writer().unwrap());
    }

    fn finding(&self, kind: FindingKind, severity: Severity, text: &str) -> Finding {
        Finding {
            kind,
            subject: FindingSubject::Process,
            severity,
            evidence: Evidence {
                value: 612e6,
                limit: 50e6,
                unit: Unit::Bytes,
                per_hour: Some(9e6),
                text: text.into(),
                sparse: None,
            },
            first_seen: self.at,
            last_seen: self.at,
            cleared: None,
            seen: 20,
            openings: 1,
        }
    }

    fn open(&mut self, kind: FindingKind, severity: Severity, text: &str) {
        let finding = self.finding(kind, severity, text);
        self.open.push(finding.clone());
        self.sample(0.0, vec![Change::Opened(finding)]);
    }

    fn clear(&mut self, kind: FindingKind) {
        let at = self.open.iter().position(|open| open.kind == kind).unwrap();
        let mut finding = self.open.remove(at);
        finding.cleared = Some(self.at);
        self.sample(0.0, vec![Change::Cleared(finding)]);
    }

    fn alert(&self, text: &str) {
        let event = Event::new(EventKind::Alert, text)
            .severity(Severity::High)
            .at(self.at.time);
        self.writer.as_ref().unwrap().record(&event);
    }

    fn sample(&mut self, per_hour: f64, changes: Vec<Change>) {
        self.at = self.at.later(Duration::from_secs(STEP));
        self.memory += per_hour * STEP as f64 / 3600.0;
        self.number += 1;
        // By day there is more to do than by night.
        let hour = self.at.time.as_second() as f64 / 3600.0;
        let load = 1.0 + (hour / 24.0 * std::f64::consts::TAU).sin();
        let wave = (self.samples % 7) as f64 / 7.0 * load;
        let resident = (self.memory + wave * 30e6 + load * 20e6).round();
        let connections = 4 + (load * 3.0) as u64;
        let tally = |live, bytes| LedgerTally {
            live,
            bytes: Bytes(bytes),
            handles: live,
        };
        let kinds = BTreeMap::from([
            ("db.connection".to_owned(), tally(connections, 0)),
            (
                "tempfs.dir".to_owned(),
                tally(self.number / 400, self.number * 9_000),
            ),
        ]);
        let site = |kind: &str, place: &str, live| SiteTally {
            kind: kind.into(),
            site: place.into(),
            tally: tally(live, live * 4_000_000),
            oldest: Duration::from_secs(self.number * STEP),
        };
        let suspended = self.suspended.take();
        let sample = Sample {
            at: self.at,
            disturbances: suspended
                .map(|span| Disturbance::Suspended { span })
                .into_iter()
                .collect(),
            left_out: Vec::new(),
            process: ProcessSample {
                pid: self.pid,
                name: "invoice-service".into(),
                processes: 1,
                resident: Bytes(resident as u64),
                handles: Some(self.handles + connections + self.number / 100),
                handle_limit: Some(1024),
                threads: 8 + (load * 2.0) as u32,
                children: Some(0),
                cpu: self.at.awake.mul_f64(0.1 + 0.01 * load),
                ..ProcessSample::default()
            },
            system: Some(SystemSample {
                memory_total: Bytes(8_000_000_000),
                memory_available: Bytes((5e9 - load * 5e8) as u64),
                ..SystemSample::default()
            }),
            ledger: Some(LedgerSample {
                sites: vec![
                    site("tempfs.dir", "src/export/render.rs:118", self.number / 400),
                    site("db.connection", "src/pool.rs:42", connections),
                ],
                kinds,
                released: self.number * 30,
                stuck: self.number / 900,
                ..LedgerSample::default()
            }),
        };
        self.samples += 1;
        self.peak = self.peak.max(resident);
        let open = self.open.clone();
        let observation = Observation {
            sample,
            changes,
            open,
        };
        self.writer.as_mut().unwrap().observe(&observation);
    }
}
