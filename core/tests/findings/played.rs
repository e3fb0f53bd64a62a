//! Samples, played in fast time.

use std::time::Duration;

use backstop_core::monitor::{
    Change, Finding, FindingKind, Findings, Holding, LedgerSample, LedgerTally, Limits, Moment,
    ProcessSample, Sample, SiteTally,
};
use backstop_core::resource::Bytes;

/// Findings that are fed with samples, and what became of them.
pub(crate) struct Played {
    pub(crate) findings: Findings,
    pub(crate) start: Moment,
    pub(crate) at: Moment,
    pub(crate) changes: Vec<(Duration, Change)>,
}

impl Played {
    pub(crate) fn new(limits: Limits) -> Self {
        let start = Moment::now();
        Self {
            findings: Findings::new(limits),
            start,
            at: start,
            changes: Vec::new(),
        }
    }

    /// Takes a sample, after `interval`.
    pub(crate) fn take(
        &mut self,
        interval: Duration,
        change: impl FnOnce(&mut Sample),
    ) -> Vec<Change> {
        self.at = self.at.later(interval);
        let mut sample = sample_at(self.at);
        change(&mut sample);
        let changes = self.findings.observe(&sample);
        let passed = self.at.since(&self.start);
        self.changes
            .extend(changes.iter().map(|change| (passed, change.clone())));
        changes
    }

    /// Takes samples every 10 s for a span; `change` gets the seconds since its beginning.
    pub(crate) fn run(&mut self, span: Duration, change: impl Fn(f64, &mut Sample)) {
        let interval = Duration::from_secs(10);
        let begin = self.at;
        while self.at.since(&begin) < span {
            let passed = (self.at.since(&begin) + interval).as_secs_f64();
            self.take(interval, |sample| change(passed, sample));
        }
    }

    pub(crate) fn opened(&self) -> Vec<FindingKind> {
        let opened = |(_, change): &(Duration, Change)| match change {
            Change::Opened(finding) => Some(finding.kind),
            _ => None,
        };
        self.changes.iter().filter_map(opened).collect()
    }

    pub(crate) fn cleared(&self) -> Vec<FindingKind> {
        let cleared = |(_, change): &(Duration, Change)| match change {
            Change::Cleared(finding) => Some(finding.kind),
            _ => None,
        };
        self.changes.iter().filter_map(cleared).collect()
    }

    /// The one finding that is open.
    #[track_caller]
    pub(crate) fn only(&self) -> Finding {
        let open = self.findings.open();
        let [finding] = &open[..] else {
            panic!("{open:#?}");
        };
        finding.clone()
    }
}

pub(crate) fn sample_at(at: Moment) -> Sample {
    Sample {
        at,
        disturbances: Vec::new(),
        left_out: Vec::new(),
        process: ProcessSample {
            pid: 42,
            processes: 1,
            resident: Bytes::megabytes(200),
            handles: Some(100),
            handle_limit: Some(1024),
            threads: 8,
            children: Some(2),
            ..ProcessSample::default()
        },
        system: None,
        ledger: None,
    }
}

pub(crate) fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// The ledger of a sample, made if it has none.
pub(crate) fn ledger(sample: &mut Sample) -> &mut LedgerSample {
    sample.ledger.get_or_insert_default()
}

pub(crate) fn site(kind: &str, site: &str, live: u64) -> SiteTally {
    SiteTally {
        kind: kind.to_owned(),
        site: site.to_owned(),
        tally: LedgerTally {
            live,
            ..LedgerTally::default()
        },
        oldest: Duration::ZERO,
    }
}

pub(crate) fn holding(kind: &str, site: &str, age: Duration, idle: Duration) -> Holding {
    Holding {
        id: None,
        kind: kind.to_owned(),
        label: "a label".to_owned(),
        site: site.to_owned(),
        age,
        idle,
        thread: 7,
        thread_ended: false,
        passed: None,
        bytes: Bytes(0),
    }
}
