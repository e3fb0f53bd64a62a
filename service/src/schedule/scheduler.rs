//! One thread that runs clean-ups when they are due.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::agenda::{Agenda, CleanupView, Due, ScheduleTotals};
use super::timing::Timing;
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::release::Clock;
use backstop_core::release::{DeadlineCall, panic_text};
use backstop_core::resource::Deadline;
use backstop_os::random;

/// Runs clean-ups when they are due, one after the other, until it is dropped.
///
/// # Guarantees
/// - At most 1024 clean-ups, each with a unique name.
/// - A run that takes longer than ten seconds continues in parallel and is not started again before
///   it has ended: one that hangs does not block others.
/// - Runs that are missed, because the machine was suspended or the thread was busy, are counted
///   and not made up for: after a suspended night an hourly clean-up runs once.
/// - A panic is counted and stops nothing.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_core::release::Clock;
/// use backstop_service::schedule::{Scheduler, Timing};
///
/// let (clock, hand) = Clock::manual();
/// let scheduler = Scheduler::new(clock);
/// scheduler.add("old files", Timing::every(Duration::from_secs(3600))?, || {})?;
/// hand.advance(Duration::from_secs(8 * 3600));
/// assert_eq!(scheduler.run_due(), 1);
/// assert_eq!(scheduler.list()[0].missed_asleep, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it stops the clean-ups"]
pub struct Scheduler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    clock: Clock,
    patience: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    agenda: Agenda,
    stopped: bool,
}

/// How long the next clean-up waits for the one before it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Waiting is measured without time suspended, due times are not: after a suspension, runs that
/// came due in the meantime are noticed at most this much later.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Scheduler {
    /// A scheduler without a thread: the caller runs due clean-ups with [`run_due`](Self::run_due).
    pub fn new(clock: Clock) -> Self {
        Self::of(clock, PATIENCE)
    }

    fn of(clock: Clock, patience: Duration) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = random::bytes();
        let chance = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        Self {
            shared: Arc::new(Shared {
                clock,
                patience,
                state: Mutex::new(State {
                    agenda: Agenda::new(chance),
                    stopped: false,
                }),
                changed: Condvar::new(),
            }),
            thread: None,
        }
    }

    /// A scheduler with its own thread, by a clock that includes time suspended.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start() -> Result<Self, Error> {
        let mut scheduler = Self::new(Clock::since_boot());
        let shared = Arc::clone(&scheduler.shared);
        let thread = std::thread::Builder::new()
            .name("backstop-schedule".into())
            .spawn(move || shared.keep_time())
            .map_err(|error| {
                let what = "cannot start the thread that runs clean-ups";
                Error::io(Stage::Configure, what, error)
            })?;
        scheduler.thread = Some(thread);
        Ok(scheduler)
    }

    /// Schedules a clean-up with a unique name.
    ///
    /// # Errors
    /// The name is in use, or there are 1024 already.
    pub fn add(
        &self,
        name: impl Into<String>,
        timing: Timing,
        body: impl FnMut() + Send + 'static,
    ) -> Result<(), Error> {
        let name = name.into();
        let mut state = self.shared.state.lock();
        if state.agenda.has(&name) {
            let what = "a clean-up with this name is scheduled already";
            return Err(Error::new(ErrorKind::Held, Stage::Configure, what).with("name", name));
        }
        if state.agenda.len() >= Agenda::MOST {
            let what = "too many clean-ups";
            let error = Error::new(ErrorKind::Limit, Stage::Configure, what);
            return Err(error.with("name", name).with("most", Agenda::MOST));
        }
        let now = self.shared.clock.now();
        let body = Arc::new(Mutex::new(body));
        state.agenda.add(name, timing, body, now);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Removes a clean-up from the schedule: it is not started again. A current run continues to
    /// its end. False if there is none with that name.
    pub fn cancel(&self, name: &str) -> bool {
        self.shared.state.lock().agenda.cancel(name)
    }

    /// What is scheduled, by name.
    #[must_use]
    pub fn list(&self) -> Vec<CleanupView> {
        let now = self.shared.clock.now();
        self.shared.state.lock().agenda.list(now)
    }

    /// Totals of all clean-ups so far.
    #[must_use]
    pub fn totals(&self) -> ScheduleTotals {
        self.shared.state.lock().agenda.totals()
    }

    /// Runs what is due and waits for it; returns how many runs were started.
    pub fn run_due(&self) -> u64 {
        self.shared.run_due()
    }
}

impl Drop for Scheduler {
    /// Waits for a current run: at most ten seconds.
    fn drop(&mut self) {
        self.shared.state.lock().stopped = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread that runs clean-ups panicked");
        }
    }
}

impl Shared {
    fn keep_time(&self) {
        loop {
            self.run_due();
            let mut state = self.state.lock();
            if state.stopped {
                return;
            }
            let now = self.clock.now();
            let next = state.agenda.next_due().unwrap_or(u64::MAX);
            let wait = Duration::from_nanos(next.saturating_sub(now)).min(LONGEST_WAIT);
            if !wait.is_zero() {
                self.changed.wait_for(&mut state, wait);
            }
        }
    }

    fn run_due(&self) -> u64 {
        let looked = self.clock.now();
        let mut begun = 0;
        loop {
            let due = {
                let mut state = self.state.lock();
                if state.stopped {
                    return begun;
                }
                state.agenda.take_due(self.clock.now(), looked)
            };
            let Some(due) = due else {
                return begun;
            };
            begun += 1;
            self.run(due);
        }
    }

    /// Runs one, without the lock: it may inspect and change the schedule itself.
    fn run(&self, due: Due) {
        let Due { name, serial, body } = due;
        let call = DeadlineCall::begin(move || {
            let mut body = body.lock();
            let panic = catch_unwind(AssertUnwindSafe(&mut *body)).err();
            panic.map(|panic| panic_text(&*panic))
        });
        match call {
            Ok(call) => match call.answer(Deadline::after(self.patience)) {
                Some(answer) => self.state.lock().agenda.end(&name, serial, answer),
                None => self.state.lock().agenda.set_beside(&name, serial, call),
            },
            Err(error) => self.state.lock().agenda.end(&name, serial, Err(error)),
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Scheduler").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    const HOUR: Duration = Duration::from_secs(3600);

    fn counting(scheduler: &Scheduler, name: &str, timing: Timing) -> Arc<AtomicU64> {
        let count = Arc::new(AtomicU64::new(0));
        let own = Arc::clone(&count);
        let body = move || {
            own.fetch_add(1, Ordering::Relaxed);
        };
        scheduler.add(name, timing, body).unwrap();
        count
    }

    #[test]
    fn due_clean_ups_run_once_or_repeatedly() {
        let (clock, hand) = Clock::manual();
        let scheduler = Scheduler::new(clock);
        let once = counting(&scheduler, "once", Timing::once(HOUR));
        let hourly = counting(&scheduler, "hourly", Timing::every(HOUR).unwrap());
        assert_eq!(scheduler.run_due(), 0);
        for _ in 0..5 {
            hand.advance(HOUR);
            scheduler.run_due();
        }
        assert_eq!(once.load(Ordering::Relaxed), 1);
        assert_eq!(hourly.load(Ordering::Relaxed), 5);
        let names: Vec<_> = scheduler.list().into_iter().map(|view| view.name).collect();
        assert_eq!(names, ["hourly"]);
        assert_eq!(scheduler.totals().runs, 6);
        assert_eq!(scheduler.totals().missed, 0);
    }

    #[test]
    fn a_suspended_night_is_one_run_and_the_missed_ones_are_counted() {
        let (clock, hand) = Clock::manual();
        let scheduler = Scheduler::new(clock);
        let timing = Timing::every(HOUR).unwrap();
        let timing = timing.with_jitter(Duration::from_secs(60)).unwrap();
        let hourly = counting(&scheduler, "hourly", timing);
        hand.advance(HOUR * 8 + Duration::from_secs(60));
        assert_eq!(scheduler.run_due(), 1);
        assert_eq!(hourly.load(Ordering::Relaxed), 1);
        let [view] = &scheduler.list()[..] else {
            panic!("one is scheduled");
        };
        assert_eq!((view.missed_asleep, view.missed_busy), (7, 0));
        assert!(view.due_in <= HOUR);
    }

    #[test]
    fn runs_due_during_another_run_are_missed_busy() {
        let (clock, hand) = Clock::manual();
        let scheduler = Scheduler::new(clock);
        let body = {
            let hand = hand.clone();
            move || hand.advance(HOUR * 5)
        };
        scheduler.add("long", Timing::once(HOUR / 2), body).unwrap();
        let hourly = counting(&scheduler, "hourly", Timing::every(HOUR).unwrap());
        hand.advance(HOUR / 2);
        assert_eq!(scheduler.run_due(), 2);
        assert_eq!(hourly.load(Ordering::Relaxed), 1);
        let view = &scheduler.list()[0];
        assert_eq!((view.missed_asleep, view.missed_busy), (0, 4));
    }

    #[test]
    fn a_panic_is_counted_and_stops_nothing() {
        let (clock, hand) = Clock::manual();
        let scheduler = Scheduler::new(clock);
        let timing = Timing::every(HOUR).unwrap();
        let body = || panic!("on purpose");
        scheduler.add("bad", timing, body).unwrap();
        let good = counting(&scheduler, "good", timing);
        for _ in 0..3 {
            hand.advance(HOUR);
            scheduler.run_due();
        }
        assert_eq!(good.load(Ordering::Relaxed), 3);
        let view = &scheduler.list()[0];
        assert_eq!((view.runs, view.panics), (3, 3));
        assert_eq!(view.last_panic.as_deref(), Some("on purpose"));
    }

    #[test]
    fn a_cancelled_clean_up_does_not_run_and_its_name_is_free() {
        let (clock, hand) = Clock::manual();
        let scheduler = Scheduler::new(clock);
        let timing = Timing::once(HOUR);
        let count = counting(&scheduler, "one", timing);
        let again = scheduler.add("one", timing, || {}).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Held);
        assert!(scheduler.cancel("one"));
        assert!(!scheduler.cancel("one"));
        hand.advance(HOUR);
        assert_eq!(scheduler.run_due(), 0);
        assert_eq!(count.load(Ordering::Relaxed), 0);
        scheduler.add("one", timing, || {}).unwrap();
    }

    #[test]
    fn a_schedule_is_bounded() {
        let scheduler = Scheduler::new(Clock::manual().0);
        for index in 0..Agenda::MOST {
            let name = index.to_string();
            scheduler.add(name, Timing::once(HOUR), || {}).unwrap();
        }
        let error = scheduler.add("more", Timing::once(HOUR), || {});
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Limit);
    }

    #[test]
    fn a_clean_up_may_change_the_schedule() {
        let (clock, hand) = Clock::manual();
        let scheduler = Arc::new(Scheduler::new(clock));
        let own = Arc::downgrade(&scheduler);
        let body = move || {
            let scheduler = own.upgrade().expect("it is being run");
            assert!(scheduler.cancel("self"));
            scheduler.add("next", Timing::once(HOUR), || {}).unwrap();
        };
        let timing = Timing::every(HOUR).unwrap();
        scheduler.add("self", timing, body).unwrap();
        hand.advance(HOUR);
        assert_eq!(scheduler.run_due(), 1);
        assert_eq!(scheduler.totals().panics, 0);
        assert_eq!(scheduler.list()[0].name, "next");
    }

    #[test]
    fn one_that_hangs_blocks_no_other_and_is_scheduled_again() {
        let (clock, hand) = Clock::manual();
        let scheduler = Scheduler::of(clock, Duration::from_millis(500));
        let (releases, held) = crossbeam_channel::bounded::<()>(0);
        let hang = move || {
            let _ = held.recv();
        };
        let timing = Timing::every(HOUR).unwrap();
        scheduler.add("hanging", timing, hang).unwrap();
        let other = counting(&scheduler, "other", timing);
        for _ in 0..3 {
            hand.advance(HOUR);
            scheduler.run_due();
        }
        assert_eq!(other.load(Ordering::Relaxed), 3);
        let hanging = &scheduler.list()[0];
        assert!(hanging.running);
        assert_eq!((hanging.runs, hanging.missed_busy), (0, 2));
        drop(releases);
        while scheduler.list()[0].running {
            std::thread::yield_now();
        }
        assert_eq!(scheduler.list()[0].runs, 1);
        hand.advance(HOUR);
        assert_eq!(scheduler.run_due(), 2);
    }

    #[test]
    fn the_thread_runs_due_clean_ups() {
        let scheduler = Scheduler::start().unwrap();
        let (sender, runs) = crossbeam_channel::unbounded();
        let timing = Timing::every(Duration::from_millis(2)).unwrap();
        let body = move || {
            let _ = sender.send(());
        };
        scheduler.add("often", timing, body).unwrap();
        for _ in 0..3 {
            runs.recv_timeout(Duration::from_secs(30)).unwrap();
        }
        drop(scheduler);
    }
}
