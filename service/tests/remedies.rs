//! Remedies over real resources, caches and the real allocator.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ThreadId;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::monitor::{
    Evidence, Finding, FindingKind, FindingSubject, Moment, Severity, Unit,
};
use backstop_core::policy::{CleanupPolicy, Criticality};
use backstop_core::release::{Caches, Shrink};
use backstop_core::release::{Cause, Clock, ManualClock, Owned, Tracked, Tracking};
use backstop_core::resource::{Bytes, Footprint, Kind};
use backstop_service::alert::{
    Alert, FreeMemory, Level, LogFile, LogFiles, MemoryStage, Remedies, RemediesBuilder, Remedy,
    RemedyRecord, RemedyRefused, RemedyRules, RemedyTrigger, Rotation, Shrinkage, Sink,
    StepAccount, StepOutcome, Transition,
};
use backstop_testkit::{Suite, skip};
use parking_lot::Mutex;

const NORMAL: Kind = Kind::new("test.normal");
const CRITICAL: Kind = Kind::new("test.critical");
const EXPENDABLE: Kind = Kind::new("test.expendable");
const LIMITED: Kind = Kind::new("test.limited");
const MINUTE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(60);

type Guard = Tracked<Owned<()>>;

/// A backstop of its own, the control of its clock, and one resource of each criticality, a minute
/// old and just touched.
fn held() -> (Backstop, ManualClock, [Guard; 4]) {
    let (clock, hand) = Clock::manual();
    let policy = CleanupPolicy::default;
    let backstop = Backstop::builder()
        .tracking(Tracking::Anonymous)
        .clock(clock)
        .policy(CRITICAL, policy().with_criticality(Criticality::Critical))
        .policy(
            EXPENDABLE,
            policy().with_criticality(Criticality::Expendable),
        )
        .policy(LIMITED, policy().with_lifetime_limit(MINUTE))
        .start();
    let guards = [NORMAL, CRITICAL, EXPENDABLE, LIMITED].map(|kind| {
        let guard = backstop.track_with(kind, kind.name(), (), |()| Ok::<(), Error>(()));
        guard.set_footprint(Footprint::bytes(Bytes(1000)));
        guard
    });
    hand.advance(MINUTE);
    guards.iter().for_each(Tracked::touch);
    (backstop, hand, guards)
}

/// Remedies that are shared with no other test.
fn of(backstop: Backstop) -> RemediesBuilder {
    Remedies::builder(backstop).caches(Caches::default())
}

fn open_kinds(backstop: &Backstop) -> Vec<&'static str> {
    let kinds = backstop.statistics().kinds;
    let open = kinds.iter().filter(|(_, kind)| kind.live > 0);
    open.map(|(name, _)| *name).collect()
}

#[test]
fn each_release_takes_what_it_may_and_a_dry_run_takes_nothing() {
    const ALL: [&str; 4] = [
        "test.critical",
        "test.expendable",
        "test.limited",
        "test.normal",
    ];
    let idle = Remedy::ReleaseIdle {
        longer_than: MINUTE,
    };
    let old = Remedy::ReleaseOverAge {
        longer_than: MINUTE,
    };
    let cases: [(Remedy, u64, &[&str]); 6] = [
        (idle, 1, &ALL),
        (idle, 61, &["test.critical"]),
        (old, 1, &["test.critical"]),
        (
            Remedy::ReleaseExpendable,
            1,
            &["test.critical", "test.limited", "test.normal"],
        ),
        (
            Remedy::EnforcePolicies,
            1,
            &["test.critical", "test.expendable", "test.normal"],
        ),
        (Remedy::ReleaseAll, 1, &[]),
    ];
    for (remedy, seconds, left) in cases {
        let (backstop, hand, _guards) = held();
        hand.advance(Duration::from_secs(seconds));
        let remedies = of(backstop).start().unwrap();
        let rehearsal = remedies.rehearse(remedy);
        assert_eq!(open_kinds(&backstop), ALL, "{remedy} was only rehearsed");
        assert_eq!(rehearsal.acts.len(), 4 - left.len(), "{rehearsal:?}");
        let expected = Bytes(1000 * (4 - left.len() as u64));
        assert_eq!(rehearsal.footprint.bytes, expected);
        let record = remedies.run(remedy).unwrap();
        assert_eq!(open_kinds(&backstop), left, "{record}");
        assert_eq!(
            (record.before.live, record.after.live),
            (4, left.len() as u64)
        );
        assert!(record.before.resident.is_some() && record.after.handles.is_some());
        assert!(record.steps.iter().all(StepAccount::is_done), "{record}");
    }
}

#[test]
fn a_release_by_a_remedy_has_it_as_its_cause() {
    let (backstop, _hand, _guards) = held();
    let stubborn = backstop.track_with(EXPENDABLE, "stubborn", (), |()| {
        Err(Error::new(ErrorKind::Io, Stage::Release, "it will not go")
            .retry(backstop_core::error::Retry::Never))
    });
    let remedies = of(backstop).start().unwrap();
    let record = remedies.run(Remedy::ReleaseExpendable).unwrap();
    let StepOutcome::Failed(reason) = &record.steps[0].outcome else {
        panic!("{record}");
    };
    assert!(reason.contains("stubborn"), "{reason}");
    let history = backstop.history();
    assert!(!history.is_empty());
    assert!(history.iter().all(|release| release.cause == Cause::Remedy));
    drop(stubborn);
}

/// A cache that records on which thread it is called.
struct Cache {
    name: &'static str,
    held: AtomicU64,
    threads: Mutex<Vec<ThreadId>>,
    act: Box<dyn Fn() + Send + Sync>,
}

impl Cache {
    fn new(name: &'static str, act: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            name,
            held: AtomicU64::new(1000),
            threads: Mutex::default(),
            act: Box::new(act),
        })
    }

    fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }
}

impl Shrink for Cache {
    fn name(&self) -> Cow<'static, str> {
        self.name.into()
    }

    fn footprint(&self) -> Footprint {
        Footprint::bytes(Bytes(self.held()))
    }

    fn shrink_to(&self, size: Bytes) -> Result<Bytes, Error> {
        self.threads.lock().push(std::thread::current().id());
        (self.act)();
        let before = self.held.swap(size.0, Ordering::Relaxed);
        Ok(Bytes(before - size.0))
    }
}

fn outcomes(record: &RemedyRecord) -> Vec<(&str, String)> {
    let steps = record.steps.iter();
    steps
        .map(|step| (step.name.as_str(), step.outcome.to_string()))
        .collect()
}

#[test]
fn caches_are_shrunk_on_another_thread_and_a_failing_one_harms_no_other() {
    let caches = Caches::default();
    let all = [
        Cache::new("good", || {}),
        Cache::new("bad", || panic!("on purpose")),
        Cache::new("last", || {}),
    ];
    let _registered: Vec<_> = all
        .iter()
        .map(|one| caches.register(one).unwrap())
        .collect();
    let gone = Cache::new("gone", || panic!("it is gone"));
    let _gone = caches.register(&gone).unwrap();
    drop(gone);
    drop(caches.register(&Cache::new("left", || {})).unwrap());
    let (backstop, _hand, _guards) = held();
    let remedies = Remedies::builder(backstop)
        .caches(caches)
        .patience(PATIENCE)
        .start()
        .unwrap();
    let half = Remedy::ShrinkCaches(Shrinkage::Half);
    let rehearsal = remedies.rehearse(half);
    assert_eq!(rehearsal.acts[0], "shrink good from 1.0 kB to 500 B");
    assert_eq!(rehearsal.footprint.bytes, Bytes(1500));
    assert!(all[0].threads.lock().is_empty());
    let record = remedies.run(half).unwrap();
    assert_eq!(
        outcomes(&record),
        [
            ("shrink good", "500 B freed".to_owned()),
            ("shrink bad", "failed: panicked: on purpose".to_owned()),
            ("shrink last", "500 B freed".to_owned()),
        ]
    );
    assert_eq!((all[0].held(), all[2].held()), (500, 500));
    assert_ne!(all[0].threads.lock()[0], std::thread::current().id());
}

#[test]
fn a_cache_that_hangs_is_named_and_abandoned() {
    let caches = Caches::default();
    let (releases, held_back) = crossbeam_channel::bounded::<()>(0);
    let cache = Cache::new("hanging", move || {
        let _ = held_back.recv();
    });
    let _registered = caches.register(&cache).unwrap();
    let (backstop, _hand, _guards) = held();
    let builder = Remedies::builder(backstop).caches(caches);
    let patience = Duration::from_millis(50);
    let remedies = builder.patience(patience).start().unwrap();
    let record = remedies.run(Remedy::ShrinkCaches(Shrinkage::All)).unwrap();
    let expected = "failed: did not return within 50ms".to_owned();
    assert_eq!(outcomes(&record), [("shrink hanging", expected)]);
    drop(releases);
}

#[test]
fn caches_are_bounded_in_number() {
    let caches = Caches::default();
    let cache = Cache::new("one", || {});
    let mut kept: Vec<_> = (0..1024)
        .map(|_| caches.register(&cache).unwrap())
        .collect();
    assert_eq!(
        caches.register(&cache).unwrap_err().kind(),
        ErrorKind::Limit
    );
    kept.pop();
    assert!(caches.register(&cache).is_ok());
}

#[test]
fn a_remedy_within_a_remedy_is_refused() {
    let caches = Caches::default();
    let itself: Arc<Mutex<Option<Remedies>>> = Arc::default();
    let inner = Arc::clone(&itself);
    let answers = Arc::new(Mutex::new(Vec::new()));
    let answered = Arc::clone(&answers);
    let cache = Cache::new("recursive", move || {
        let remedies = inner.lock().clone().expect("it is being run");
        answered.lock().push(remedies.run(Remedy::ReleaseAll).err());
    });
    let _registered = caches.register(&cache).unwrap();
    let (backstop, _hand, guards) = held();
    let remedies = Remedies::builder(backstop).caches(caches).start().unwrap();
    *itself.lock() = Some(remedies.clone());
    let record = remedies.run(Remedy::ShrinkCaches(Shrinkage::All)).unwrap();
    assert!(record.steps[0].is_done(), "{record}");
    assert_eq!(*answers.lock(), [Some(RemedyRefused::Busy)]);
    assert!(guards.iter().all(|guard| guard.lock().is_ok()));
    itself.lock().take();
}

#[test]
fn a_remedy_waits_after_it_acted() {
    let (clock, hand) = Clock::manual();
    let (backstop, _hand, _guards) = held();
    let idle = |seconds| Remedy::ReleaseIdle {
        longer_than: Duration::from_secs(seconds),
    };
    let rules = RemedyRules::none().with_interval(idle(0), MINUTE * 2);
    let remedies = of(backstop).rules(rules).clock(clock).start().unwrap();
    remedies.run(idle(1000)).unwrap();
    hand.advance(MINUTE);
    // Its details do not matter.
    let refused = remedies.run(idle(2000)).unwrap_err();
    assert_eq!(refused, RemedyRefused::Resting(MINUTE));
    assert_eq!(remedies.rehearse(idle(1)).rests, MINUTE);
    remedies.run(Remedy::Trim).unwrap();
    hand.advance(MINUTE);
    remedies.run(idle(1000)).unwrap();
    let statistics = remedies.statistics();
    assert_eq!((statistics.acted, statistics.refused), (3, 1));
}

fn alert(transition: Transition, level: Level, kind: FindingKind) -> Alert {
    let now = Moment::now();
    Alert {
        serial: 1,
        transition,
        level,
        finding: Finding {
            kind,
            subject: FindingSubject::Process,
            severity: Severity::Critical,
            evidence: Evidence {
                value: 2.0,
                limit: 1.0,
                unit: Unit::Bytes,
                per_hour: None,
                text: "2 B of 1 B".into(),
                sparse: None,
            },
            first_seen: now,
            last_seen: now,
            cleared: None,
            seen: 1,
            openings: 1,
        },
        suggestions: Vec::new(),
        at: now,
        suppressed: 0,
        lost: 0,
    }
}

#[test]
fn an_alert_triggers_the_remedies_of_its_level_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let log = LogFiles::new(directory.path(), Rotation::default());
    let (asked, stops) = crossbeam_channel::unbounded();
    let (backstop, _hand, _guards) = held();
    let rules = RemedyRules::none()
        .with_level(
            Level::Critical,
            [
                Remedy::Trim,
                Remedy::ReleaseExpendable,
                Remedy::ReleaseAll,
                Remedy::Stop,
            ],
        )
        .with_interval(Remedy::Stop, Duration::ZERO)
        .with_interval(Remedy::Trim, Duration::ZERO);
    let mut remedies = of(backstop)
        .rules(rules)
        .log(log)
        .stop(move || {
            asked.send(()).expect("the test waits");
            Ok(())
        })
        .start()
        .unwrap();
    let (handles, memory) = (FindingKind::HandlesNearLimit, FindingKind::MemoryNearLimit);
    let critical = Level::Critical;
    for quiet in [
        alert(Transition::Resolved, critical, memory),
        alert(Transition::Eased, critical, memory),
        alert(Transition::Raised, Level::Error, memory),
        alert(Transition::Raised, critical, handles),
    ] {
        remedies.deliver(&quiet).unwrap();
    }
    stops.recv_timeout(PATIENCE).unwrap();
    remedies
        .deliver(&alert(Transition::Raised, critical, memory))
        .unwrap();
    stops.recv_timeout(PATIENCE).unwrap();
    // The record of the last one is written after it was asked to stop.
    while remedies.statistics().acted < 5 {
        std::thread::yield_now();
    }
    let records = remedies.records();
    let names: Vec<_> = records
        .iter()
        .map(|record| record.remedy.as_str())
        .collect();
    assert_eq!(
        names,
        ["release-expendable", "release-all", "stop", "trim", "stop"]
    );
    let RemedyTrigger::Alert { level, kind, .. } = &records[0].trigger else {
        panic!("{:?}", records[0]);
    };
    assert_eq!((*level, *kind), (critical, handles));
    assert!(backstop.is_empty());
    let performance = directory.path().join(LogFile::Performance.name());
    let mut text = std::fs::read_to_string(&performance).unwrap();
    while text.lines().count() < 5 {
        std::thread::yield_now();
        text = std::fs::read_to_string(&performance).unwrap();
    }
    let first = text.lines().next().unwrap();
    assert!(
        first.contains("remedy release-expendable because of critical limit.handles (process): "),
        "{first}"
    );
    assert!(first.contains("4 → 3 resources"), "{first}");
}

#[test]
fn alerts_beyond_the_queue_are_counted() {
    let (releases, held_back) = crossbeam_channel::bounded::<()>(0);
    let (backstop, _hand, _guards) = held();
    let rules = RemedyRules::none().with_level(Level::Critical, [Remedy::Stop]);
    let mut remedies = of(backstop)
        .rules(rules)
        .stop(move || {
            let _ = held_back.recv();
            Ok(())
        })
        .start()
        .unwrap();
    let alert = alert(
        Transition::Raised,
        Level::Critical,
        FindingKind::HandlesNearLimit,
    );
    let failed = (0..100)
        .filter(|_| remedies.deliver(&alert).is_err())
        .count();
    // One runs, sixteen wait.
    assert!((83..=84).contains(&failed), "{failed}");
    assert_eq!(remedies.statistics().alerts_dropped, failed as u64);
    drop(releases);
}

#[test]
fn the_plan_runs_its_stages_in_order_whatever_fails() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let order = Arc::clone(&order);
        move || {
            order.lock().push(name);
            Ok(())
        }
    };
    let caches = Caches::default();
    let noted = note("cache");
    let cache = Cache::new("images", move || drop(noted()));
    let _registered = caches.register(&cache).unwrap();
    let broken = || Err(Error::new(ErrorKind::Io, Stage::Release, "it will not go"));
    let plan = FreeMemory::default()
        .step(MemoryStage::State, "undo history", note("state"))
        .step(MemoryStage::Readers, "broken", broken)
        .step(MemoryStage::Readers, "panicking", || panic!("on purpose"))
        .step(MemoryStage::Readers, "index", note("readers"))
        .step(MemoryStage::Workers, "prefetch", note("workers"))
        .step(MemoryStage::Caches, "own cache", note("own cache"));
    let (backstop, _hand, _guards) = held();
    let builder = Remedies::builder(backstop).caches(caches);
    let remedies = builder.free_memory(plan).start().unwrap();
    let acts = remedies.rehearse(Remedy::FreeMemory).acts;
    assert!(order.lock().is_empty());
    let record = remedies.run(Remedy::FreeMemory).unwrap();
    let steps: Vec<_> = record.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(
        steps,
        [
            "workers: prefetch",
            "caches: own cache",
            "shrink images",
            "readers: broken",
            "readers: panicking",
            "readers: index",
            "state: undo history",
            "trim",
        ]
    );
    assert_eq!(acts.len(), steps.len());
    let failed: Vec<_> = record.steps.iter().filter(|step| !step.is_done()).collect();
    assert_eq!(failed.len(), 2, "{record}");
    assert_eq!(
        *order.lock(),
        ["workers", "own cache", "cache", "readers", "state"]
    );
    assert_eq!(cache.held(), 0);
}

#[test]
fn a_trim_returns_what_the_allocator_caches() {
    if backstop_os::heap::trim().is_none() {
        return skip(
            Suite::AllocatorTrim,
            "the C library returns no memory on request",
        );
    }
    // Small pieces, all of them freed except the last: the allocator keeps them all.
    let mut pieces: Vec<Vec<u8>> = (0..400_000).map(|_| vec![1; 200]).collect();
    let last = pieces.pop();
    drop(pieces);
    let (backstop, _hand, _guards) = held();
    let record = of(backstop).start().unwrap().run(Remedy::Trim).unwrap();
    let resident = |bytes: Option<Bytes>| bytes.unwrap().0;
    let (before, after) = (
        resident(record.before.resident),
        resident(record.after.resident),
    );
    assert!(after + 40_000_000 < before, "{record}");
    drop(last);
}

/// The end of a program is checked from outside.
#[test]
fn a_stop_ends_the_program_as_a_sigterm_would() {
    use std::os::unix::process::ExitStatusExt;
    const SELF: &str = "BACKSTOP_TEST_STOPS";
    const SIGTERM: i32 = 15;
    if std::env::var_os(SELF).is_some() {
        let remedies = of(Backstop::global()).start().unwrap();
        let _ = remedies.run(Remedy::Stop);
        std::thread::sleep(PATIENCE);
        return;
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_stop_ends_the_program_as_a_sigterm_would"])
        .env(SELF, "1")
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(SIGTERM));
}
