//! A pool against a plain reference: within its bounds, lent again exactly when clean, every count
//! right after every step.
#![cfg(test)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::release::{
    Borrowed, Clock, ManualClock, Pool, PoolOptions, PoolStatistics, Tracking,
};
use backstop_core::resource::{Blocking, Deadline};
use backstop_testkit::scripted::{Remote, Script, Scripted};
use proptest::prelude::*;

const MOST: usize = 3;
const IDLE_LIMIT: Duration = Duration::from_secs(10);
const LEAK_THRESHOLD: Duration = Duration::from_secs(5);

/// How opening goes.
#[derive(Debug, Clone, Copy)]
enum Opening {
    Well,
    Fails,
    Panics,
}

/// How a loan comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Return {
    Clean,
    Dirty,
    InPanic,
    ResetPanics,
    ElsewhereClean,
}

#[derive(Debug, Clone)]
enum Act {
    Borrow(u8, Opening),
    Return(usize, Return),
    Advance(Duration),
    EvictIdle,
    Clear,
    ReleaseAll,
}

/// The real one.
struct Bench {
    backstop: Backstop,
    pool: Pool<u8, Scripted>,
    hand: ManualClock,
    next_return: Arc<Mutex<Return>>,
    remotes: Vec<Remote>,
    loans: Vec<(usize, Borrowed<u8, Scripted>)>,
}

impl Bench {
    fn new() -> Self {
        let (clock, hand) = Clock::manual();
        let next_return = Arc::new(Mutex::new(Return::Clean));
        let options = PoolOptions {
            most_per_key: MOST,
            wait: Duration::ZERO,
            idle_limit: IDLE_LIMIT,
            leak_threshold: LEAK_THRESHOLD,
            clock,
        };
        let how = Arc::clone(&next_return);
        let pool = Pool::new(options, move |_: &Scripted| {
            // Out of the lock before anything panics.
            let how = *how.lock().unwrap();
            match how {
                Return::Dirty => Err(Error::new(ErrorKind::Io, Stage::Use, "dirty")),
                Return::ResetPanics => resume_unwind(Box::new("the reset")),
                _ => Ok(()),
            }
        });
        Self {
            backstop: Backstop::builder().tracking(Tracking::Anonymous).start(),
            pool,
            hand,
            next_return,
            remotes: Vec::new(),
            loans: Vec::new(),
        }
    }

    /// Borrows; gives the number of what it got, as its label says.
    fn borrow(&mut self, key: u8, opening: Opening) -> Result<usize, ErrorKind> {
        let number = self.remotes.len();
        let (backstop, remotes) = (self.backstop, &mut self.remotes);
        let borrowed = catch_unwind(AssertUnwindSafe(|| {
            self.pool.get_or_open(key, |_| match opening {
                Opening::Well => {
                    let script = Script::default().blocking(Blocking::Never);
                    let (scripted, remote) = Scripted::following(number.to_string(), script);
                    remotes.push(remote);
                    Ok(backstop.track(scripted))
                }
                Opening::Fails => Err(Error::new(ErrorKind::Io, Stage::Open, "on purpose")),
                Opening::Panics => resume_unwind(Box::new("on purpose")),
            })
        }));
        match borrowed {
            Ok(Ok(loan)) => {
                use backstop_core::resource::TrackedResource;
                let number = loan
                    .get()
                    .expect("it is lent open")
                    .label()
                    .parse()
                    .unwrap();
                self.loans.push((number, loan));
                Ok(number)
            }
            Ok(Err(error)) => Err(error.kind()),
            Err(_) => Err(ErrorKind::Panicked),
        }
    }

    fn give_back(&mut self, which: usize, how: Return) {
        let (_, loan) = self.loans.remove(which);
        *self.next_return.lock().unwrap() = how;
        let returned = catch_unwind(AssertUnwindSafe(|| match how {
            Return::InPanic => {
                let _loan = loan;
                resume_unwind(Box::new("the borrower"));
            }
            Return::ElsewhereClean => {
                std::thread::scope(|threads| drop(threads.spawn(move || drop(loan))));
            }
            _ => drop(loan),
        }));
        assert_eq!(returned.is_err(), how == Return::InPanic, "a drop panicked");
    }

    fn existing(&self) -> usize {
        assert!(self.remotes.iter().all(|remote| remote.releases() <= 1));
        self.remotes
            .iter()
            .filter(|remote| remote.releases() == 0)
            .count()
    }
}

/// The reference: numbers of resources, with the time since when.
#[derive(Default)]
struct Reference {
    now: u64,
    opened: usize,
    shelves: BTreeMap<u8, Shelf>,
    /// Released from outside: not to be lent any more.
    revoked: Vec<usize>,
    statistics: PoolStatistics,
}

#[derive(Default)]
struct Shelf {
    idle: Vec<(usize, u64)>,
    loans: Vec<(usize, u64)>,
}

impl Reference {
    fn borrow(&mut self, key: u8, opening: Opening) -> Result<usize, ErrorKind> {
        let now = self.now;
        let shelf = self.shelves.entry(key).or_default();
        while let Some((number, _)) = shelf.idle.pop() {
            if !self.revoked.contains(&number) {
                shelf.loans.push((number, now));
                self.statistics.reused += 1;
                return Ok(number);
            }
        }
        if shelf.loans.len() == MOST {
            self.statistics.timed_out += 1;
            return Err(ErrorKind::Deadline);
        }
        match opening {
            Opening::Well => {
                let number = self.opened;
                self.opened += 1;
                self.statistics.opened += 1;
                shelf.loans.push((number, now));
                Ok(number)
            }
            Opening::Fails => Err(ErrorKind::Io),
            Opening::Panics => Err(ErrorKind::Panicked),
        }
    }

    fn give_back(&mut self, number: usize, how: Return) {
        let mut shelves = self.shelves.values_mut();
        let shelf = shelves
            .find(|shelf| shelf.loans.iter().any(|(lent, _)| *lent == number))
            .unwrap();
        shelf.loans.retain(|(lent, _)| *lent != number);
        let is_clean = matches!(how, Return::Clean | Return::ElsewhereClean);
        if is_clean && !self.revoked.contains(&number) {
            shelf.idle.push((number, self.now));
        } else {
            self.statistics.rejected += 1;
            self.revoked.push(number);
        }
    }

    /// Those that go, in no order.
    fn evict(&mut self, limit: Option<Duration>) -> Vec<usize> {
        let mut gone = Vec::new();
        for shelf in self.shelves.values_mut() {
            shelf.idle.retain(|(number, since)| {
                let lay = Duration::from_nanos(self.now - since);
                let stays = limit.is_some_and(|limit| lay <= limit);
                gone.extend((!stays).then_some(*number));
                stays
            });
        }
        self.statistics.evicted += gone.len() as u64;
        self.revoked.extend(&gone);
        gone.sort_unstable();
        gone
    }

    fn statistics(&self) -> PoolStatistics {
        PoolStatistics {
            idle: self.shelves.values().map(|shelf| shelf.idle.len()).sum(),
            lent: self.shelves.values().map(|shelf| shelf.loans.len()).sum(),
            ..self.statistics
        }
    }

    fn existing(&self) -> usize {
        let gone = (0..self.opened).filter(|number| self.revoked.contains(number));
        self.opened - gone.count()
    }

    fn long_loans(&self) -> usize {
        let loans = self.shelves.values().flat_map(|shelf| &shelf.loans);
        loans
            .filter(|(_, since)| Duration::from_nanos(self.now - since) > LEAK_THRESHOLD)
            .count()
    }
}

fn act() -> impl Strategy<Value = Act> {
    let opening = prop_oneof![6 => Just(Opening::Well), 1 => Just(Opening::Fails), 1 => Just(Opening::Panics)];
    let how = prop::sample::select(vec![
        Return::Clean,
        Return::Clean,
        Return::Clean,
        Return::Dirty,
        Return::InPanic,
        Return::ResetPanics,
        Return::ElsewhereClean,
    ]);
    prop_oneof![
        8 => (0..3_u8, opening).prop_map(|(key, opening)| Act::Borrow(key, opening)),
        7 => (any::<usize>(), how).prop_map(|(which, how)| Act::Return(which, how)),
        3 => (0..6_000_u64).prop_map(|span| Act::Advance(Duration::from_millis(span))),
        1 => Just(Act::EvictIdle),
        1 => Just(Act::Clear),
        1 => Just(Act::ReleaseAll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pool_is_what_its_reference_is(acts in prop::collection::vec(act(), 1..100)) {
        let (mut bench, mut reference) = (Bench::new(), Reference::default());
        for act in acts {
            match act {
                Act::Borrow(key, opening) => {
                    prop_assert_eq!(bench.borrow(key, opening), reference.borrow(key, opening));
                }
                Act::Return(which, how) => if let Some(which) = which.checked_rem(bench.loans.len()) {
                    reference.give_back(bench.loans[which].0, how);
                    bench.give_back(which, how);
                }
                Act::Advance(span) => {
                    bench.hand.advance(span);
                    reference.now += span.as_nanos() as u64;
                }
                Act::EvictIdle | Act::Clear => {
                    let (releases, gone) = match act {
                        Act::Clear => (bench.pool.clear(), reference.evict(None)),
                        _ => (bench.pool.evict_idle(), reference.evict(Some(IDLE_LIMIT))),
                    };
                    let mut labels: Vec<usize> =
                        releases.iter().map(|release| release.label.parse().unwrap()).collect();
                    labels.sort_unstable();
                    prop_assert_eq!(labels, gone);
                }
                Act::ReleaseAll => {
                    let soon = Deadline::after(Duration::from_secs(60));
                    prop_assert!(bench.backstop.release_all(soon).is_complete());
                    reference.revoked.extend(0..reference.opened);
                }
            }
            prop_assert_eq!(bench.pool.statistics(), reference.statistics());
            prop_assert_eq!(bench.existing(), reference.existing());
            prop_assert_eq!(bench.pool.long_loans().len(), reference.long_loans());
        }
        bench.loans.clear();
        drop(bench.pool.clear());
        prop_assert_eq!(bench.existing(), 0);
        prop_assert!(bench.backstop.is_empty());
    }
}
