//! Counting what goes well, by kind, without threads meeting.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::resource::Kind;

/// The counts of one history. Each thread adds to counters of its own, which only it writes.
#[derive(Default)]
pub(super) struct Tallies(Mutex<Sums>);

#[derive(Default)]
struct Sums {
    /// Of threads that have ended.
    ended: HashMap<Kind, u64>,
    /// Of threads that live.
    living: Vec<(Kind, Arc<AtomicU64>)>,
}

/// One thread's counter for one kind of one history.
struct Own {
    tallies: &'static Tallies,
    kind: Kind,
    count: Arc<AtomicU64>,
}

/// A thread's counters: few, because a thread releases few kinds.
struct Counters(Vec<Own>);

thread_local! {
    static COUNTERS: RefCell<Counters> = const { RefCell::new(Counters(Vec::new())) };
}

impl Tallies {
    /// Adds one.
    pub(super) fn count(&'static self, kind: Kind) {
        let counted = COUNTERS.try_with(|counters| {
            let mut counters = counters.try_borrow_mut().ok()?;
            let own = counters.0.iter().find(|own| own.is(self, kind));
            let count = match own {
                Some(own) => &own.count,
                None => self.enrol(kind, &mut counters.0),
            };
            // Not a read-modify-write: no other thread writes it. Relaxed: a count, read for display.
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            Some(())
        });
        if !matches!(counted, Ok(Some(()))) {
            *self.0.lock().ended.entry(kind).or_default() += 1;
        }
    }

    #[cold]
    fn enrol<'a>(&'static self, kind: Kind, own: &'a mut Vec<Own>) -> &'a AtomicU64 {
        let count = Arc::new(AtomicU64::new(0));
        self.0.lock().living.push((kind, Arc::clone(&count)));
        own.push(Own {
            tallies: self,
            kind,
            count,
        });
        &own.last().expect("it was just pushed").count
    }

    /// Gives each kind's counts, in any number of parts.
    pub(super) fn each(&self, mut take: impl FnMut(Kind, u64)) {
        let sums = self.0.lock();
        for (kind, count) in &sums.ended {
            take(*kind, *count);
        }
        for (kind, count) in &sums.living {
            take(*kind, count.load(Ordering::Relaxed));
        }
    }
}

impl Own {
    fn is(&self, tallies: &'static Tallies, kind: Kind) -> bool {
        std::ptr::eq(self.tallies, tallies) && self.kind.is_same(kind)
    }
}

/// A thread that ends leaves its counts to the sums, so that these do not grow with every thread.
impl Drop for Counters {
    fn drop(&mut self) {
        for own in self.0.drain(..) {
            let mut sums = own.tallies.0.lock();
            *sums.ended.entry(own.kind).or_default() += own.count.load(Ordering::Relaxed);
            sums.living
                .retain(|(_, count)| !Arc::ptr_eq(count, &own.count));
        }
    }
}
