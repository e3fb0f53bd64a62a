//! A pool lends within its bounds, takes back only what is clean, and says who does not give back.
#![cfg(test)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::release::{
    Borrowed, Cause, Clock, ManualClock, Pool, PoolOptions, PoolStatistics, Tracking,
};
use backstop_core::resource::Deadline;
use backstop_testkit::scripted::{Remote, Script, Scripted};

type Loan = Borrowed<&'static str, Scripted>;

struct Bench {
    backstop: Backstop,
    pool: Pool<&'static str, Scripted>,
    hand: ManualClock,
    dirty: Arc<AtomicBool>,
    remotes: Mutex<Vec<Remote>>,
}

impl Bench {
    fn new(most_per_key: usize) -> Self {
        let (clock, hand) = Clock::manual();
        let dirty = Arc::new(AtomicBool::new(false));
        let is_dirty = Arc::clone(&dirty);
        let options = PoolOptions {
            most_per_key,
            wait: Duration::from_millis(20),
            clock,
            ..PoolOptions::default()
        };
        let pool = Pool::new(options, move |_: &Scripted| {
            if is_dirty.load(Ordering::Relaxed) {
                Err(Error::new(ErrorKind::Io, Stage::Use, "dirty"))
            } else {
                Ok(())
            }
        });
        Self {
            backstop: Backstop::builder().tracking(Tracking::Anonymous).start(),
            pool,
            hand,
            dirty,
            remotes: Mutex::default(),
        }
    }

    #[track_caller]
    fn borrow(&self, key: &'static str) -> Result<Loan, Error> {
        self.pool.get_or_open(key, |key| {
            let (scripted, remote) = Scripted::following(*key, Script::default());
            self.remotes.lock().unwrap().push(remote);
            Ok(self.backstop.track(scripted))
        })
    }

    fn statistics(&self) -> PoolStatistics {
        self.pool.statistics()
    }

    /// How many exist: opened and not let go, each at most once.
    fn existing(&self) -> usize {
        let remotes = self.remotes.lock().unwrap();
        assert!(remotes.iter().all(|remote| remote.releases() <= 1));
        remotes
            .iter()
            .filter(|remote| remote.releases() == 0)
            .count()
    }
}

#[test]
fn it_lends_again_and_never_opens_more_than_its_bound() {
    let bench = Bench::new(2);
    let (first, second) = (bench.borrow("a").unwrap(), bench.borrow("a").unwrap());
    let _other_key = bench.borrow("b").unwrap();
    let line = line!() - 2;
    let error = bench.borrow("a").err().expect("both are lent");
    assert_eq!(
        (error.kind(), error.can_retry()),
        (ErrorKind::Deadline, true)
    );
    let borrower = format!("{}:{line}", file!());
    assert!(
        error.to_string().contains(&borrower),
        "{error}, not at {borrower}"
    );
    drop(first);
    let third = bench.borrow("a").unwrap();
    let statistics = bench.statistics();
    assert_eq!((statistics.opened, statistics.reused), (3, 1));
    assert_eq!((statistics.timed_out, statistics.lent), (1, 3));
    drop((second, third));
    assert_eq!(bench.existing(), 3);
}

#[test]
fn many_threads_share_few_and_all_are_accounted_for() {
    let bench = Bench::new(3);
    let most = Mutex::new(0);
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                for _ in 0..200 {
                    // A checkout that waits in vain is no failure here.
                    if let Ok(loan) = bench.borrow("a") {
                        let mut most = most.lock().unwrap();
                        *most = bench.statistics().lent.max(*most);
                        assert!(loan.get().is_ok());
                    }
                }
            });
        }
    });
    let statistics = bench.statistics();
    assert!(*most.lock().unwrap() <= 3);
    assert_eq!((statistics.lent, statistics.waiting), (0, 0));
    assert_eq!(
        statistics.opened + statistics.reused + statistics.timed_out,
        8 * 200
    );
    assert_eq!(
        (bench.existing(), statistics.idle as u64),
        (statistics.idle, statistics.opened)
    );
    drop(bench.pool.clear());
    assert_eq!(bench.existing(), 0);
}

#[test]
fn what_comes_back_dirty_or_in_a_panic_is_released() {
    let bench = Bench::new(1);
    let loan = bench.borrow("a").unwrap();
    bench.dirty.store(true, Ordering::Relaxed);
    drop(loan);
    bench.dirty.store(false, Ordering::Relaxed);
    assert_eq!((bench.existing(), bench.statistics().rejected), (0, 1));
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _loan = bench.borrow("a").unwrap();
        resume_unwind(Box::new("on purpose"))
    }));
    assert!(panic.is_err());
    assert_eq!((bench.existing(), bench.statistics().rejected), (0, 2));
    assert!(bench.borrow("a").is_ok(), "its place was not given back");
}

#[test]
fn a_panic_or_an_error_in_opening_gives_the_place_back() {
    let bench = Bench::new(1);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _ = bench
            .pool
            .get_or_open("a", |_| resume_unwind(Box::new("on purpose")));
    }));
    assert!(panic.is_err());
    let refused = bench.pool.get_or_open("a", |_| {
        Err(Error::new(ErrorKind::Io, Stage::Open, "on purpose"))
    });
    assert!(refused.is_err());
    assert!(bench.borrow("a").is_ok());
}

#[test]
fn idle_ones_go_after_their_limit() {
    let bench = Bench::new(2);
    let limit = PoolOptions::default().idle_limit;
    drop(bench.borrow("a").unwrap());
    bench.hand.advance(limit);
    assert!(bench.pool.evict_idle().is_empty());
    bench.hand.advance(Duration::from_nanos(1));
    let lent = bench.borrow("b").unwrap();
    let evicted = bench.pool.evict_idle();
    assert_eq!(evicted.len(), 1);
    assert_eq!(
        (evicted[0].cause, evicted[0].label.as_str()),
        (Cause::PoolEvicted, "a")
    );
    assert_eq!((bench.existing(), bench.statistics().evicted), (1, 1));
    drop(lent);
}

#[test]
fn long_loans_are_named_until_they_come_back() {
    let bench = Bench::new(2);
    let loan = bench.borrow("a").unwrap();
    let line = line!() - 1;
    bench.hand.advance(PoolOptions::default().leak_threshold);
    assert!(bench.pool.long_loans().is_empty());
    bench.hand.advance(Duration::from_nanos(1));
    let _fresh = bench.borrow("a").unwrap();
    let long = bench.pool.long_loans();
    assert_eq!(long.len(), 1);
    assert_eq!((long[0].0, long[0].1.site.line()), ("a", line));
    drop(loan);
    assert!(bench.pool.long_loans().is_empty());
}

#[test]
fn what_was_released_from_outside_is_not_lent() {
    let bench = Bench::new(1);
    drop(bench.borrow("a").unwrap());
    let soon = Deadline::after(Duration::from_secs(60));
    assert!(bench.backstop.release_all(soon).is_complete());
    let loan = bench.borrow("a").unwrap();
    assert!(loan.get().is_ok());
    assert_eq!(bench.statistics().opened, 2);
    assert!(bench.backstop.release_all(soon).is_complete());
    drop(loan);
    assert_eq!(
        (bench.statistics().idle, bench.statistics().rejected),
        (0, 1)
    );
    assert_eq!(bench.existing(), 0);
}

#[test]
fn what_comes_back_reaches_who_waits_for_its_key() {
    let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
    let options = PoolOptions {
        most_per_key: 1,
        wait: Duration::from_secs(60),
        ..PoolOptions::default()
    };
    let pool = Pool::new(options, |_: &Scripted| Ok(()));
    let borrow = &|key: &'static str| {
        pool.get_or_open(key, |key| {
            let (scripted, _) = Scripted::following(*key, Script::default());
            Ok(backstop.track(scripted))
        })
    };
    let (other, mine) = (borrow("other").unwrap(), borrow("mine").unwrap());
    std::thread::scope(|threads| {
        let wait_for = |key, waiting| {
            let borrower = threads.spawn(move || borrow(key).map(drop));
            while pool.statistics().waiting < waiting {
                std::thread::yield_now();
            }
            borrower
        };
        // The one that waited first waits for another key, and must not keep the news to itself.
        let first = wait_for("other", 1);
        let second = wait_for("mine", 2);
        drop(mine);
        second.join().unwrap().unwrap();
        drop(other);
        first.join().unwrap().unwrap();
    });
    assert_eq!(pool.statistics().reused, 2);
}
