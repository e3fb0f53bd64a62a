//! Reuse by key: get what is idle or open another, within bounds.

use std::hash::Hash;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::backstop::Backstop;
use super::clock::Clock;
use super::deadline_call::panic_text;
use super::loan::{Loan, PoolStatistics};
use super::record::{Cause, Release};
use super::slots::{Idle, Slot, Slots};
use super::tracked::Tracked;
use crate::error::{Error, ErrorKind, Stage};
use crate::resource::{Deadline, Rung, Site, TrackedResource};

/// The bounds of a pool.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// The most resources of one key, idle and lent. Default: 8.
    pub most_per_key: usize,
    /// How long a checkout waits for one to come back. Default: 30 s.
    pub wait: Duration,
    /// How long one may lie idle before [`evict_idle`](Pool::evict_idle) releases it. Default: 10 min.
    pub idle_limit: Duration,
    /// How long one may be lent before [`long_loans`](Pool::long_loans) names its borrower's site.
    /// Default: 2 min.
    pub leak_threshold: Duration,
    /// The clock for both. Default: the system's.
    pub clock: Clock,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            most_per_key: 8,
            wait: Duration::from_secs(30),
            idle_limit: Duration::from_secs(600),
            leak_threshold: Duration::from_secs(120),
            clock: Clock::system(),
        }
    }
}

/// Resources that are used again, by key. A cheap handle: clones are the same pool.
///
/// # Guarantees
/// Never more than [`most_per_key`](PoolOptions::most_per_key) of a key exist. What comes back passes
/// the pool's reset first; what fails it, or comes back in a panic, is released and not lent again.
/// What was released from outside while idle is not lent.
pub struct Pool<K, R: TrackedResource>(Arc<Inner<K, R>>);

type Reset<R> = Box<dyn Fn(&R) -> Result<(), Error> + Send + Sync>;

struct Inner<K, R: TrackedResource> {
    options: PoolOptions,
    reset: Reset<R>,
    slots: Mutex<Slots<K, R>>,
    returned: Condvar,
}

/// A resource on loan; dropping it returns it.
#[must_use = "dropping it returns the resource"]
pub struct Borrowed<K: Hash + Eq + Clone, R: TrackedResource> {
    pool: Arc<Inner<K, R>>,
    slot: usize,
    loan: u64,
    guard: Option<Tracked<R>>,
}

impl<K: Hash + Eq + Clone, R: TrackedResource> Pool<K, R> {
    /// A pool that takes back what `reset` makes clean again.
    pub fn new(
        options: PoolOptions,
        reset: impl Fn(&R) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            options,
            reset: Box::new(reset),
            slots: Mutex::new(Slots::new()),
            returned: Condvar::new(),
        }))
    }

    /// Lends an idle resource of this key, or opens one if there may be another, or waits for one.
    ///
    /// # Errors
    /// `open` failed; or none came back in time, in which case the error names where they were borrowed.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "as a map takes its key; only the key of a new slot is copied"
    )]
    pub fn get_or_open(
        &self,
        key: K,
        open: impl FnOnce(&K) -> Result<Tracked<R>, Error>,
    ) -> Result<Borrowed<K, R>, Error> {
        let site = Site::caller();
        // The clock is read for it by the first wait only.
        let mut deadline = None;
        // Declared before the lock, so dropped after it: one that is stuck must not hold up the pool.
        let mut revoked = Vec::new();
        let mut slots = self.0.slots.lock();
        loop {
            // Looked up again after each wait, in which it may have been removed.
            let place = slots.place(&key);
            let slot = slots.at(place);
            while let Some(idle) = slot.idle.pop() {
                if idle.guard.get().is_err() {
                    revoked.push(idle);
                } else {
                    let now = self.0.options.clock.now();
                    let loan = slots.lend(place, site, now);
                    slots.statistics.reused += 1;
                    drop(slots);
                    idle.guard.touch_at(&self.0.options.clock, now);
                    return Ok(self.lent(place, loan, idle.guard));
                }
            }
            if slot.taken() < self.0.options.most_per_key {
                slot.opening += 1;
                drop(slots);
                return self.open(&key, place, site, open);
            }
            let deadline = *deadline.get_or_insert_with(|| Deadline::after(self.0.options.wait));
            slots.waiting += 1;
            let late = self
                .0
                .returned
                .wait_until(&mut slots, deadline.instant())
                .timed_out();
            slots.waiting -= 1;
            if late {
                slots.statistics.timed_out += 1;
                let place = slots.place(&key);
                return Err(none_came_back(slots.at(place), self.0.options.wait));
            }
        }
    }

    fn open(
        &self,
        key: &K,
        place: usize,
        site: Site,
        open: impl FnOnce(&K) -> Result<Tracked<R>, Error>,
    ) -> Result<Borrowed<K, R>, Error> {
        let opening = Opening {
            pool: &self.0,
            place,
        };
        let guard = open(key)?;
        let loan = {
            let mut slots = self.0.slots.lock();
            slots.statistics.opened += 1;
            slots.lend(place, site, self.0.options.clock.now())
        };
        drop(opening);
        Ok(self.lent(place, loan, guard))
    }

    fn lent(&self, slot: usize, loan: u64, guard: Tracked<R>) -> Borrowed<K, R> {
        Borrowed {
            pool: Arc::clone(&self.0),
            slot,
            loan,
            guard: Some(guard),
        }
    }

    /// Releases what has lain idle for longer than the limit, and returns the records.
    pub fn evict_idle(&self) -> Vec<Release> {
        let now = self.0.options.clock.now();
        let limit = nanoseconds(self.0.options.idle_limit);
        self.evict(|idle| now.saturating_sub(idle.since) > limit)
    }

    /// Releases everything idle, and returns the records.
    pub fn clear(&self) -> Vec<Release> {
        self.evict(|_| true)
    }

    fn evict(&self, goes: impl Fn(&Idle<R>) -> bool) -> Vec<Release> {
        let gone = {
            let mut slots = self.0.slots.lock();
            let gone = slots.take_idle(goes);
            slots.statistics.evicted += gone.len() as u64;
            gone
        };
        // Outside the lock: a release may take long.
        gone.into_iter()
            .map(|idle| {
                Backstop::release_one(
                    idle.guard.into_state().into_any(),
                    Cause::PoolEvicted,
                    Rung::Ask,
                )
            })
            .collect()
    }

    /// The loans that are older than the leak threshold: a leak, or a slow user; each names where it
    /// was borrowed. One that comes back is no longer among them.
    #[must_use]
    pub fn long_loans(&self) -> Vec<(K, Loan)> {
        let now = self.0.options.clock.now();
        let limit = nanoseconds(self.0.options.leak_threshold);
        let slots = self.0.slots.lock();
        slots
            .all()
            .flat_map(|slot| slot.loans.iter().map(|loan| (slot.key(), loan)))
            .filter(|(_, loan)| now.saturating_sub(loan.since) > limit)
            .map(|(key, loan)| (key.clone(), loan.clone()))
            .collect()
    }

    /// What it did, and what it holds.
    #[must_use]
    pub fn statistics(&self) -> PoolStatistics {
        let slots = self.0.slots.lock();
        PoolStatistics {
            idle: slots.all().map(|slot| slot.idle.len()).sum(),
            lent: slots.all().map(|slot| slot.loans.len()).sum(),
            waiting: slots.waiting,
            ..slots.statistics
        }
    }
}

impl<K, R: TrackedResource> Clone for Pool<K, R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The right to open one; given back when it is dropped, also by a panic of the opener.
struct Opening<'a, K, R: TrackedResource> {
    pool: &'a Inner<K, R>,
    place: usize,
}

impl<K, R: TrackedResource> Drop for Opening<'_, K, R> {
    fn drop(&mut self) {
        let mut slots = self.pool.slots.lock();
        slots.at(self.place).opening -= 1;
        self.pool.wake(slots);
    }
}

impl<K, R: TrackedResource> Inner<K, R> {
    /// Wakes all waiters, whatever their keys: a single one might wait for another key.
    fn wake(&self, slots: MutexGuard<'_, Slots<K, R>>) {
        let waiting = slots.waiting;
        drop(slots);
        if waiting > 0 {
            self.returned.notify_all();
        }
    }
}

fn none_came_back<K, R: TrackedResource>(slot: &Slot<K, R>, waited: Duration) -> Error {
    let holders: Vec<String> = slot
        .loans
        .iter()
        .map(|loan| loan.site.to_string())
        .collect();
    Error::new(
        ErrorKind::Deadline,
        Stage::Open,
        "no pooled resource came back in time",
    )
    .with("waited", format!("{waited:?}"))
    .with("lent", slot.loans.len())
    .with("borrowed at", holders.join(" and "))
}

impl<K: Hash + Eq + Clone, R: TrackedResource> Deref for Borrowed<K, R> {
    type Target = Tracked<R>;

    fn deref(&self) -> &Tracked<R> {
        self.guard
            .as_ref()
            .expect("a loan holds its guard until it is dropped")
    }
}

impl<K: Hash + Eq + Clone, R: TrackedResource> Drop for Borrowed<K, R> {
    fn drop(&mut self) {
        let Some(guard) = self.guard.take() else {
            return;
        };
        // A reset that panics must not keep the resource's place for ever, nor leave a drop.
        let reset = || {
            catch_unwind(AssertUnwindSafe(|| (self.pool.reset)(&guard)))
                .inspect_err(|panic| {
                    tracing::debug!(panic = panic_text(&**panic), "a reset panicked");
                })
                .is_ok_and(|reset| {
                    reset
                        .inspect_err(|error| tracing::debug!(%error, "a pooled resource is dirty"))
                        .is_ok()
                })
        };
        let clean = !std::thread::panicking() && guard.get().is_ok() && reset();
        let since = self.pool.options.clock.now();
        guard.touch_at(&self.pool.options.clock, since);
        let mut slots = self.pool.slots.lock();
        let slot = slots.at(self.slot);
        slot.end(self.loan);
        let rejected = if clean {
            slot.idle.push(Idle { guard, since });
            None
        } else {
            slots.statistics.rejected += 1;
            Some(guard)
        };
        self.pool.wake(slots);
        // Released outside the lock, and after its place was given back.
        drop(rejected);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
