//! What holds for all samples.

use std::collections::BTreeMap;
use std::time::Duration;

use backstop_core::monitor::{
    Change, Disturbance, Finding, FindingKind, FindingSubject, Findings, HeapSample, Limits,
    Sample, SystemSample,
};
use backstop_core::resource::Bytes;
use proptest::prelude::*;

use crate::played::{holding, ledger, sample_at, site};

/// What a sample holds, by dice.
#[derive(Debug, Clone)]
struct Throw {
    passed: Duration,
    slept: bool,
    pid: i32,
    resident: u64,
    heap: Option<(u64, u64)>,
    handles: Option<u64>,
    threads: u32,
    available: Option<u64>,
    suspects: Option<Vec<(u8, u64, bool)>>,
    others: u64,
    live: u64,
    stuck: u64,
}

fn throw() -> impl Strategy<Value = Throw> {
    let process = (
        prop_oneof![9 => Just(42), 1 => 42..45_i32],
        0..3000_u64,
        prop::option::of((0..1000_u64, 0..2000_u64)),
        prop::option::of(0..1100_u64),
        0..400_u32,
    );
    let rest = (
        prop::option::of(0..1000_u64),
        prop::option::of(prop::collection::vec(
            (0..6_u8, 0..100_u64, any::<bool>()),
            0..8,
        )),
        prop_oneof![3 => Just(0), 1 => 1..9_u64],
        0..200_u64,
        0..30_u64,
    );
    let time = (0..120_u64, prop::bool::weighted(0.05));
    (time, process, rest).prop_map(|(time, process, rest)| Throw {
        passed: Duration::from_secs(time.0),
        slept: time.1,
        pid: process.0,
        resident: process.1,
        heap: process.2,
        handles: process.3,
        threads: process.4,
        available: rest.0,
        suspects: rest.1,
        others: rest.2,
        live: rest.3,
        stuck: rest.4,
    })
}

impl Throw {
    /// Fills a sample; what is to grow grows with its number.
    fn fill(&self, number: u64, sample: &mut Sample) {
        let process = &mut sample.process;
        process.pid = self.pid;
        process.resident = Bytes::megabytes(self.resident);
        process.heap = self.heap.map(|(in_use, held)| HeapSample {
            in_use: Bytes::megabytes(in_use),
            held: Bytes::megabytes(held),
            own: None,
        });
        process.handles = self.handles;
        process.threads = self.threads % 20 + number as u32 * 9;
        if self.slept {
            let span = Duration::from_secs(3600);
            sample.disturbances.push(Disturbance::Suspended { span });
        }
        sample.system = self.available.map(|available| SystemSample {
            memory_total: Bytes::megabytes(1000),
            memory_available: Bytes::megabytes(available),
            ..SystemSample::default()
        });
        let Some(suspects) = &self.suspects else {
            return;
        };
        let ledger = ledger(sample);
        ledger.released = number * 50;
        ledger.stuck = self.stuck + number;
        ledger.other_suspects = self.others;
        ledger.sites = vec![site("db.connection", "a.rs:1", self.live + number * 12)];
        for (place, minutes, thread_ended) in suspects {
            let age = Duration::from_secs(minutes * 60);
            let mut holding = holding("db.connection", &format!("a.rs:{place}"), age, age / 2);
            holding.thread_ended = *thread_ended;
            ledger.suspects.push(holding);
        }
    }
}

type Key = (FindingKind, FindingSubject);

fn key(finding: &Finding) -> Key {
    (finding.kind, finding.subject.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_open_is_what_the_changes_add_up_to(throws in prop::collection::vec(throw(), 1..80)) {
        let limits = Limits::default().with_window(Duration::from_secs(300)).unwrap();
        let mut findings = Findings::new(limits);
        let mut at = backstop_core::monitor::Moment::now();
        let mut folded: BTreeMap<Key, Finding> = BTreeMap::new();
        let mut openings: BTreeMap<Key, u64> = BTreeMap::new();
        for (number, throw) in throws.iter().enumerate() {
            at = at.later(throw.passed);
            let mut sample = sample_at(at);
            throw.fill(number as u64, &mut sample);
            for change in findings.observe(&sample) {
                let finding = change.finding();
                let key = key(finding);
                match &change {
                    Change::Opened(finding) => {
                        let count = openings.entry(key.clone()).or_default();
                        *count += 1;
                        prop_assert_eq!(finding.openings, *count);
                        prop_assert_eq!(finding.cleared, None);
                        prop_assert!(folded.insert(key, finding.clone()).is_none());
                    }
                    Change::Severity(finding) => {
                        let before = folded.insert(key, finding.clone()).unwrap();
                        prop_assert!(before.severity != finding.severity);
                        prop_assert_eq!(before.first_seen, finding.first_seen);
                    }
                    Change::Cleared(finding) => {
                        let before = folded.remove(&key).unwrap();
                        prop_assert_eq!(before.severity, finding.severity);
                        prop_assert_eq!(finding.cleared, Some(at));
                        prop_assert!(finding.last_seen.awake <= at.awake);
                    }
                }
            }
            let open = findings.open();
            prop_assert!(open.is_sorted_by(|left, right| left.severity >= right.severity));
            prop_assert_eq!(open.len(), folded.len());
            for finding in open {
                let before = &folded[&key(&finding)];
                prop_assert_eq!(before.severity, finding.severity);
                prop_assert_eq!(before.openings, finding.openings);
                prop_assert_eq!(before.first_seen, finding.first_seen);
                prop_assert!(finding.seen >= before.seen);
                prop_assert!(!finding.evidence.text.is_empty());
            }
        }
    }
}
