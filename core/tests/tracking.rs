//! What is tracked is released once, verified, and accounted for.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::ledger::{LedgerReading, State};
use backstop_core::policy::{CleanupPolicy, Order};
use backstop_core::release::{Cause, Clock, Outcome, Tracking};
use backstop_core::resource::{
    Blocking, Deadline, Footprint, Kind, Presence, Progress, Recipe, Rung, Step, TrackedResource,
};

const KIND: Kind = Kind::new("test.thing");

struct Thing {
    releases: Arc<AtomicU32>,
    blocking: Blocking,
    needs: Rung,
}

impl Thing {
    fn new(releases: &Arc<AtomicU32>) -> Self {
        Self {
            releases: Arc::clone(releases),
            blocking: Blocking::Possible,
            needs: Rung::Ask,
        }
    }
}

impl TrackedResource for Thing {
    fn kind(&self) -> Kind {
        KIND
    }
    fn label(&self) -> Cow<'static, str> {
        "thing".into()
    }
    fn footprint(&self) -> Footprint {
        Footprint::handles(1)
    }
    fn recipe(&self) -> Option<Recipe> {
        Recipe::of(&"how").ok()
    }
    fn blocking(&self) -> Blocking {
        self.blocking
    }
    fn release(&self, step: &Step) -> Result<Progress, Error> {
        if step.rung < self.needs {
            return Err(Error::new(ErrorKind::Held, Stage::Release, "not yet")
                .retry(backstop_core::error::Retry::Never));
        }
        self.releases.fetch_add(1, Ordering::SeqCst);
        Ok(Progress::Done)
    }
    fn verify(&self) -> Presence {
        match self.releases.load(Ordering::SeqCst) {
            0 => Presence::present("the test"),
            _ => Presence::Gone,
        }
    }
}

fn backstop() -> Backstop {
    Backstop::builder().tracking(Tracking::Anonymous).start()
}

#[test]
fn dropping_a_guard_releases_once() {
    let count = Arc::new(AtomicU32::new(0));
    let backstop = backstop();
    for blocking in [Blocking::Possible, Blocking::Never] {
        count.store(0, Ordering::SeqCst);
        let mut thing = Thing::new(&count);
        thing.blocking = blocking;
        let guard = backstop.track(thing);
        assert_eq!(backstop.statistics().kinds["test.thing"].live, 1);
        drop(guard);
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(backstop.is_empty());
    }
    assert_eq!(backstop.statistics().kinds["test.thing"].released, 2);
}

#[test]
fn the_ladder_climbs_until_it_is_released() {
    let count = Arc::new(AtomicU32::new(0));
    let mut thing = Thing::new(&count);
    thing.needs = Rung::Force;
    let release = backstop().track(thing).release();
    assert_eq!(release.outcome, Outcome::Released);
    assert_eq!(release.rung, Rung::Force);
    assert_eq!(release.errors.len(), 2);
    assert_eq!(release.attempts, 3);
}

#[test]
fn a_late_use_is_told_that_it_is_late() {
    let count = Arc::new(AtomicU32::new(0));
    let backstop = backstop();
    let guard = backstop.track(Thing::new(&count));
    assert!(guard.get().is_ok());
    let report = backstop.release_all(Deadline::after(Duration::from_secs(60)));
    assert!(report.is_complete(), "{report}");
    let revoked = guard.get().err().expect("it was released");
    assert!(revoked.site.file().ends_with("tracking.rs"));
    drop(guard);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn children_go_before_their_parent_and_orders_are_kept() {
    let log = Arc::new(Log::default());
    let backstop = Backstop::builder()
        .tracking(Tracking::Anonymous)
        .policy(
            Kind::new("test.first"),
            CleanupPolicy::default().with_order(Order::First),
        )
        .policy(
            Kind::new("test.last"),
            CleanupPolicy::default().with_order(Order::Last),
        )
        .start();
    let noted = |kind: &'static str, name: &'static str| {
        let log = Arc::clone(&log);
        backstop.track_with(Kind::new(kind), name, (), move |()| {
            log.push(name);
            Ok::<(), Error>(())
        })
    };
    let _guards = (
        noted("test.last", "last"),
        noted("test.plain", "one"),
        noted("test.plain", "two"),
        noted("test.first", "first"),
    );
    drop(backstop.release_all(Deadline::after(Duration::from_secs(60))));
    assert_eq!(log.all(), ["first", "two", "one", "last"]);

    let count = Arc::new(AtomicU32::new(0));
    let parent = backstop.track(Thing::new(&count));
    let child_log = Arc::clone(&log);
    let child_count = Arc::clone(&count);
    let _child = backstop.track_child(
        backstop_core::release::Owned::new(KIND, "child", (), move |()| {
            child_log.push(if child_count.load(Ordering::SeqCst) == 0 {
                "child before parent"
            } else {
                "child after parent"
            });
            Ok::<(), Error>(())
        }),
        parent.id(),
    );
    drop(parent);
    assert_eq!(log.all().last(), Some(&"child before parent"));
}

/// What happened, in order.
#[derive(Default)]
struct Log(Mutex<Vec<&'static str>>);

impl Log {
    fn push(&self, name: &'static str) {
        self.0
            .lock()
            .expect("no thread panics while it holds the lock")
            .push(name);
    }

    fn all(&self) -> Vec<&'static str> {
        self.0
            .lock()
            .expect("no thread panics while it holds the lock")
            .clone()
    }
}

#[test]
fn a_policy_releases_what_is_idle_by_a_clock_that_the_test_moves() {
    let (clock, hand) = Clock::manual();
    let policy = CleanupPolicy::default().with_idle_limit(Duration::from_secs(60));
    let backstop = Backstop::builder()
        .tracking(Tracking::Anonymous)
        .policy(KIND, policy)
        .clock(clock)
        .start();
    let count = Arc::new(AtomicU32::new(0));
    let guard = backstop.track(Thing::new(&count));
    hand.advance(Duration::from_secs(59));
    assert!(backstop.enforce().is_empty());
    guard.touch();
    hand.advance(Duration::from_secs(60));
    assert!(backstop.enforce().is_empty());
    hand.advance(Duration::from_nanos(1));
    let releases = backstop.enforce();
    assert!(matches!(releases[0].cause, Cause::Policy(_)));
    assert!(guard.get().is_err());
}

#[test]
fn policies_are_enforced_by_themselves_until_told_otherwise() {
    let (clock, hand) = Clock::manual();
    let policy = CleanupPolicy::default().with_lifetime_limit(Duration::from_secs(60));
    let backstop = Backstop::builder()
        .tracking(Tracking::Anonymous)
        .policy(KIND, policy)
        .clock(clock)
        .start();
    let count = Arc::new(AtomicU32::new(0));
    let guard = backstop.track(Thing::new(&count));
    let enforcement = backstop
        .enforce_every(Duration::from_millis(1))
        .expect("a thread can be started");
    hand.advance(Duration::from_secs(61));
    while guard.get().is_ok() {
        std::thread::yield_now();
    }
    drop(enforcement);
    let guard = backstop.track(Thing::new(&count));
    hand.advance(Duration::from_secs(61));
    // Time by turns, and not by the clock on the wall: another one, at the same interval, has had many.
    let (clock, its_hand) = Clock::manual();
    let other = Backstop::builder()
        .tracking(Tracking::Anonymous)
        .policy(
            KIND,
            CleanupPolicy::default().with_lifetime_limit(Duration::from_secs(60)),
        )
        .clock(clock)
        .start();
    let _enforcement = other
        .enforce_every(Duration::from_millis(1))
        .expect("a thread can be started");
    for _ in 0..20 {
        let witness = other.track(Thing::new(&count));
        its_hand.advance(Duration::from_secs(61));
        while witness.get().is_ok() {
            std::thread::yield_now();
        }
    }
    assert!(guard.get().is_ok());
}

#[test]
fn a_ledger_in_a_file_shows_what_is_open_and_goes_with_it() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("ledgers");
    let backstop = Backstop::builder()
        .tracking(Tracking::Directory(directory))
        .start();
    let count = Arc::new(AtomicU32::new(0));
    let ledger = backstop.ledger().expect("a ledger in a file");
    let path = ledger.path().expect("a path").to_owned();
    let guard = backstop.track(Thing::new(&count));
    let intent = backstop
        .intend(KIND, format!("announced {}", 7))
        .parent(guard.id())
        .recipe(Recipe::of(&[1, 2, 3]).unwrap())
        .declare();

    let reading = LedgerReading::of_path(&path).unwrap();
    assert_eq!(reading.owner().process.pid, std::process::id() as i32);
    assert_eq!(reading.damage(), []);
    let entries = reading.entries();
    assert_eq!(entries.len(), 2);
    let live = entries
        .iter()
        .find(|entry| entry.state == State::Live)
        .unwrap();
    assert_eq!(
        (live.kind.as_str(), live.label.as_str()),
        ("test.thing", "thing")
    );
    assert_eq!(live.footprint, Footprint::handles(1));
    assert_eq!(live.recipe.as_ref().unwrap().as_str(), "\"how\"");
    let announced = entries
        .iter()
        .find(|entry| entry.state == State::Intent)
        .unwrap();
    assert_eq!(announced.label, "announced 7");
    assert_eq!(announced.parent, guard.id());
    assert!(announced.site.contains("tracking.rs"));

    intent.abandon();
    drop(guard);
    assert_eq!(LedgerReading::of_path(&path).unwrap().entries().len(), 0);
    ledger.remove().unwrap();
    assert!(!path.exists());
}

#[test]
fn many_resources_over_many_threads_are_all_accounted_for() {
    let backstop = backstop();
    let count = Arc::new(AtomicU32::new(0));
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for round in 0..500 {
                    let guards: Vec<_> = (0..round % 7)
                        .map(|number| {
                            let count = Arc::clone(&count);
                            count.fetch_add(1, Ordering::SeqCst);
                            backstop.track_with(KIND, format!("{number}"), count, |count| {
                                count.fetch_sub(1, Ordering::SeqCst);
                                Ok::<(), Error>(())
                            })
                        })
                        .collect();
                    for guard in guards {
                        drop(guard.release());
                    }
                }
            });
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 0);
    assert!(backstop.is_empty());
    let kinds = backstop.statistics().kinds;
    assert_eq!(
        kinds["test.thing"].unverified,
        4 * (0..500).map(|round| round % 7).sum::<u64>()
    );
}

#[test]
fn what_is_released_notes_nothing_in_a_slot_that_another_has_now() {
    let (clock, hand) = Clock::manual();
    let policy = CleanupPolicy::default().with_lifetime_limit(Duration::from_secs(60));
    let backstop = Backstop::builder()
        .tracking(Tracking::Anonymous)
        .policy(KIND, policy)
        .clock(clock)
        .start();
    let count = Arc::new(AtomicU32::new(0));
    let old = backstop.track(Thing {
        blocking: Blocking::Never,
        ..Thing::new(&count)
    });
    let slot = old.id().unwrap().slot;
    hand.advance(Duration::from_secs(61));
    assert_eq!(backstop.enforce().len(), 1);
    assert!(old.get().is_err());

    let other = Kind::new("test.successor");
    let open = |_| {
        let footprint = Footprint::handles(7);
        let guard = backstop.track_with(other, "successor", (), |()| Ok::<_, Error>(()));
        guard.set_footprint(footprint);
        guard
    };
    // One of them has the slot now.
    let successors: Vec<_> = (0..64).map(open).collect();
    let mut ids = successors.iter().map(|guard| guard.id().unwrap());
    assert!(ids.any(|id| id.slot == slot), "no slot was used again");
    hand.advance(Duration::from_secs(10));
    old.touch();
    old.set_footprint(Footprint::handles(1000));
    let mut seen = 0;
    backstop.each_open(|resource| {
        if resource.kind() == other {
            seen += 1;
            assert_eq!(resource.idle(), Duration::from_secs(10));
            assert_eq!(resource.footprint().handles, 7);
        }
    });
    assert_eq!(seen, 64);
}

#[test]
fn children_go_before_their_parent_the_last_opened_first() {
    let backstop = backstop();
    let log = Arc::new(Mutex::new(Vec::new()));
    let open = |name: &'static str, parent| {
        let log = Arc::clone(&log);
        let owned = backstop_core::release::Owned::new(KIND, name, (), move |()| {
            log.lock().unwrap().push(name);
            Ok::<_, Error>(())
        });
        backstop
            .intend(KIND, name)
            .parent(parent)
            .declare()
            .fulfil(owned)
    };
    let parent = open("parent", None);
    let children: Vec<_> = ["first", "second", "third", "fourth"]
        .map(|name| open(name, parent.id()))
        .into();
    assert!(parent.release().outcome.is_released());
    let log = log.lock().unwrap().clone();
    assert_eq!(log, ["fourth", "third", "second", "first", "parent"]);
    assert!(children.iter().all(|child| child.get().is_err()));
}
