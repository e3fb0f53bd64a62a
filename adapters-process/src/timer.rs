//! Callbacks at given times, and none after the release.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use backstop_core::error::Error;
use backstop_core::release::{Backstop, Tracked};
use backstop_core::resource::{
    Deadline, Footprint, Kind, Presence, Progress, Site, Step, TrackedResource,
};
use parking_lot::Mutex;
use serde::Serialize;

use crate::config;
use crate::error;
use crate::thread::{StopToken, Thread, panic_text};

/// A timer, on its own thread, so that a callback that hangs delays no other timer.
///
/// # Guarantees
/// After a release that ended `released`, or after [`stop`](Self::stop) returned true, no callback is
/// running or will run again. A repeating timer does not drift: the n-th call is due n intervals after
/// the start, however long the calls take. Missed calls are counted and skipped. A panic of the callback
/// is caught and counted.
pub struct Timer {
    thread: Thread,
    counts: Arc<Counts>,
}

struct Counts {
    name: String,
    site: Site,
    interval: Option<Duration>,
    fired: AtomicU64,
    missed: AtomicU64,
    panics: AtomicU64,
    last_panic: Mutex<Option<String>>,
}

/// An active timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimerView {
    /// Its name.
    pub name: String,
    /// Where it was started.
    pub site: String,
    /// Its interval; `None` if it fires once.
    pub interval: Option<Duration>,
    /// Number of calls.
    pub fired: u64,
    /// Number of calls that were skipped because the previous one took too long.
    pub missed: u64,
    /// How often the callback panicked.
    pub panics: u64,
    /// The message of the last panic.
    pub last_panic: Option<String>,
}

static SET: Mutex<Vec<Weak<Counts>>> = Mutex::new(Vec::new());

/// The active timers of this process.
#[must_use]
pub fn timers() -> Vec<TimerView> {
    let mut set = SET.lock();
    set.retain(|timer| timer.strong_count() > 0);
    set.iter()
        .filter_map(Weak::upgrade)
        .map(|counts| counts.view())
        .collect()
}

impl Timer {
    /// Calls once, after `delay`; tracked by this process's [`Backstop`].
    ///
    /// # Errors
    /// The thread cannot be started.
    #[track_caller]
    pub fn once(
        name: impl Into<String>,
        delay: Duration,
        callback: impl FnOnce() + Send + 'static,
    ) -> Result<Tracked<Self>, Error> {
        Self::once_on(&Backstop::global(), name, delay, callback)
    }

    /// Calls again and again, first after one interval; tracked by this process's [`Backstop`].
    ///
    /// # Errors
    /// The thread cannot be started.
    #[track_caller]
    pub fn every(
        name: impl Into<String>,
        interval: Duration,
        callback: impl FnMut() + Send + 'static,
    ) -> Result<Tracked<Self>, Error> {
        Self::every_on(&Backstop::global(), name, interval, callback)
    }

    /// [`once`](Self::once), tracked by `backstop`.
    ///
    /// # Errors
    /// The thread cannot be started.
    #[track_caller]
    pub fn once_on(
        backstop: &Backstop,
        name: impl Into<String>,
        delay: Duration,
        callback: impl FnOnce() + Send + 'static,
    ) -> Result<Tracked<Self>, Error> {
        let mut callback = Some(callback);
        Self::start(backstop, &name.into(), None, move |stop, counts| {
            if !stop.wait(delay) {
                counts.call(stop, || {
                    if let Some(callback) = callback.take() {
                        callback();
                    }
                });
            }
        })
    }

    /// [`every`](Self::every), tracked by `backstop`.
    ///
    /// # Errors
    /// The thread cannot be started.
    #[track_caller]
    pub fn every_on(
        backstop: &Backstop,
        name: impl Into<String>,
        interval: Duration,
        mut callback: impl FnMut() + Send + 'static,
    ) -> Result<Tracked<Self>, Error> {
        // An interval of zero would be a loop without a pause.
        let interval = interval.max(Duration::from_millis(1));
        Self::start(
            backstop,
            &name.into(),
            Some(interval),
            move |stop, counts| {
                let start = Instant::now();
                let mut due = 1;
                while !stop.wait(time_until(start, interval, due)) {
                    counts.call(stop, &mut callback);
                    let next = next_due(start.elapsed(), interval, due);
                    // Relaxed: a counter that is only reported.
                    counts.missed.fetch_add(next - due - 1, Ordering::Relaxed);
                    due = next;
                }
            },
        )
    }

    #[track_caller]
    fn start(
        backstop: &Backstop,
        name: &str,
        interval: Option<Duration>,
        body: impl FnOnce(&StopToken, &Counts) + Send + 'static,
    ) -> Result<Tracked<Self>, Error> {
        let site = Site::caller();
        let intent = backstop
            .intend(config::TIMER, name.to_owned())
            .site(site)
            .policy(config::chosen(
                None,
                backstop,
                config::TIMER,
                config::thread_policy,
            ))
            .declare();
        let counts = Arc::new(Counts {
            name: name.to_owned(),
            site,
            interval,
            fired: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            last_panic: Mutex::new(None),
        });
        SET.lock().push(Arc::downgrade(&counts));
        let own = Arc::clone(&counts);
        let started = Thread::start(config::TIMER, name, site, move |stop| {
            body(stop, &own);
        });
        match started {
            Ok(thread) => Ok(intent.fulfil(Self { thread, counts })),
            Err(cause) => {
                intent.abandon();
                Err(error::no_thread(name, cause))
            }
        }
    }

    /// Prevents further callbacks and waits for a running one; false if it is still running at the
    /// deadline. Called from within the callback, it does not wait for that one.
    #[must_use]
    pub fn stop(&self, timeout: Duration) -> bool {
        self.thread.shared().ask_to_stop();
        self.thread
            .shared()
            .gate
            .wait_empty(Deadline::after(timeout))
    }

    /// Its counters.
    #[must_use]
    pub fn view(&self) -> TimerView {
        self.counts.view()
    }
}

impl Counts {
    fn call(&self, stop: &StopToken, callback: impl FnOnce()) {
        let called = stop.callback(|| catch_unwind(AssertUnwindSafe(callback)));
        let Some(called) = called else { return };
        // Relaxed: counters that are only reported.
        self.fired.fetch_add(1, Ordering::Relaxed);
        if let Err(panic) = called {
            self.panics.fetch_add(1, Ordering::Relaxed);
            *self.last_panic.lock() = Some(panic_text(&*panic));
        }
    }

    fn view(&self) -> TimerView {
        TimerView {
            name: self.name.clone(),
            site: self.site.to_string(),
            interval: self.interval,
            fired: self.fired.load(Ordering::Relaxed),
            missed: self.missed.load(Ordering::Relaxed),
            panics: self.panics.load(Ordering::Relaxed),
            last_panic: self.last_panic.lock().clone(),
        }
    }
}

impl TrackedResource for Timer {
    fn kind(&self) -> Kind {
        config::TIMER
    }

    fn label(&self) -> Cow<'static, str> {
        self.counts.name.clone().into()
    }

    fn footprint(&self) -> Footprint {
        Footprint::handles(1)
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        Ok(self.thread.release(step.rung))
    }

    fn verify(&self) -> Presence {
        self.thread.verify()
    }
}

/// How long until the n-th call is due, from a start some time ago.
fn time_until(start: Instant, interval: Duration, due: u64) -> Duration {
    raster(interval, due).saturating_sub(start.elapsed())
}

/// The number of the next call after the one that was due, at the given time since the start.
fn next_due(elapsed: Duration, interval: Duration, due: u64) -> u64 {
    let passed = elapsed.as_nanos() / interval.as_nanos().max(1);
    u64::try_from(passed).unwrap_or(u64::MAX - 1).max(due) + 1
}

fn raster(interval: Duration, count: u64) -> Duration {
    let nanoseconds = interval.as_nanos().saturating_mul(u128::from(count));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raster_does_not_drift_and_skips_what_was_missed() {
        let interval = Duration::from_millis(10);
        let at = |milliseconds, due| next_due(Duration::from_millis(milliseconds), interval, due);
        assert_eq!(at(10, 1), 2);
        assert_eq!(at(19, 1), 2);
        assert_eq!(at(20, 1), 3);
        assert_eq!(at(95, 1), 10);
        // Woken early: the call that was made is not made again.
        assert_eq!(at(9, 1), 2);
        assert_eq!(raster(interval, 10), Duration::from_millis(100));
    }
}
