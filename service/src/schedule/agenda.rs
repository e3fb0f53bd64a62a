//! What is scheduled, what is due, and what was missed: pure; the caller passes the time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use super::timing::{Timing, mix};
use backstop_core::release::{CallError, DeadlineCall};

/// The closure of a clean-up. Shared with a running call, of which there is at most one.
pub(super) type Body = Arc<Mutex<dyn FnMut() + Send>>;

/// A running call: returns the message of its panic, if it panicked.
pub(super) type Run = DeadlineCall<Option<String>>;

/// All clean-ups of one scheduler.
pub(super) struct Agenda {
    entries: BTreeMap<String, Entry>,
    chance: u64,
    added: u64,
    totals: ScheduleTotals,
}

struct Entry {
    serial: u64,
    timing: Timing,
    start: u64,
    turn: u64,
    body: Body,
    state: State,
    runs: u64,
    missed_asleep: u64,
    missed_busy: u64,
    panics: u64,
    last_panic: Option<String>,
}

enum State {
    Waiting,
    Running,
    /// It took too long, and keeps running in parallel.
    Beside(Run),
}

/// One that is due, removed from the agenda to be run.
pub(super) struct Due {
    pub(super) name: String,
    pub(super) serial: u64,
    pub(super) body: Body,
}

/// One scheduled clean-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CleanupView {
    /// Its name.
    pub name: String,
    /// Its interval; `None` if it runs once.
    pub interval: Option<Duration>,
    /// How long until it is due; zero if it is due or running.
    pub due_in: Duration,
    /// Whether it is running now.
    pub running: bool,
    /// How often it has run.
    pub runs: u64,
    /// Missed runs while the scheduler was not running: the machine was suspended, or the scheduler
    /// got no processor time.
    pub missed_asleep: u64,
    /// Missed runs because the scheduler, or the previous run, was busy.
    pub missed_busy: u64,
    /// How often it panicked.
    pub panics: u64,
    /// The message of the last panic.
    pub last_panic: Option<String>,
}

/// Totals of all clean-ups of a scheduler, including those that are no longer scheduled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ScheduleTotals {
    /// Runs that ended.
    pub runs: u64,
    /// Missed runs.
    pub missed: u64,
    /// Runs that panicked.
    pub panics: u64,
    /// Runs for which no thread was available.
    pub failed: u64,
}

impl Agenda {
    /// The maximum number of scheduled clean-ups.
    pub(super) const MOST: usize = 1024;

    pub(super) fn new(chance: u64) -> Self {
        Self {
            entries: BTreeMap::new(),
            chance,
            added: 0,
            totals: ScheduleTotals::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    pub(super) fn add(&mut self, name: String, timing: Timing, body: Body, now: u64) {
        self.added += 1;
        let entry = Entry {
            serial: self.added,
            timing,
            start: now,
            turn: 0,
            body,
            state: State::Waiting,
            runs: 0,
            missed_asleep: 0,
            missed_busy: 0,
            panics: 0,
            last_panic: None,
        };
        self.entries.insert(name, entry);
    }

    pub(super) fn cancel(&mut self, name: &str) -> bool {
        self.entries.remove(name).is_some()
    }

    /// Takes the one that has been due for longest. Runs that came due before `looked`, when the
    /// caller started, were missed asleep; later ones, busy.
    pub(super) fn take_due(&mut self, now: u64, looked: u64) -> Option<Due> {
        self.welcome_back();
        loop {
            let chance = self.chance;
            let (due, name) = self
                .entries
                .iter()
                .map(|(name, entry)| (entry.due(chance), name))
                .min()?;
            if due > now {
                return None;
            }
            let name = name.clone();
            let entry = self.entries.get_mut(&name)?;
            let last = entry
                .timing
                .last_due(now.saturating_sub(entry.start), entry.chance(chance));
            let last = last.unwrap_or(entry.turn).max(entry.turn);
            let missed = last - entry.turn;
            if due > looked {
                entry.missed_busy += missed;
            } else {
                entry.missed_asleep += missed;
            }
            self.totals.missed += missed;
            entry.turn = last + 1;
            if matches!(entry.state, State::Waiting) {
                entry.state = State::Running;
                let (serial, body) = (entry.serial, Arc::clone(&entry.body));
                return Some(Due { name, serial, body });
            }
            entry.missed_busy += 1;
            self.totals.missed += 1;
        }
    }

    /// Those that ran in parallel and have ended wait for their next turn.
    fn welcome_back(&mut self) {
        let ended: Vec<_> = self
            .entries
            .iter()
            .filter_map(|(name, entry)| match &entry.state {
                State::Beside(run) => {
                    let answer = run.answer(backstop_core::resource::Deadline::passed())?;
                    Some((name.clone(), entry.serial, answer))
                }
                State::Waiting | State::Running => None,
            })
            .collect();
        for (name, serial, answer) in ended {
            self.end(&name, serial, answer);
        }
    }

    /// A run has ended.
    pub(super) fn end(
        &mut self,
        name: &str,
        serial: u64,
        answer: Result<Option<String>, CallError>,
    ) {
        let (ran, panic) = match answer {
            Ok(panic) => (true, panic),
            Err(error) => {
                tracing::warn!(name, %error, "cannot run a clean-up");
                (false, None)
            }
        };
        if let Some(said) = &panic {
            tracing::warn!(name, said, "a clean-up panicked");
        }
        self.totals.runs += u64::from(ran);
        self.totals.failed += u64::from(!ran);
        self.totals.panics += u64::from(panic.is_some());
        let Some(entry) = self.own(name, serial) else {
            return;
        };
        entry.state = State::Waiting;
        entry.runs += u64::from(ran);
        entry.panics += u64::from(panic.is_some());
        entry.last_panic = panic.or(entry.last_panic.take());
        if entry.timing.interval().is_none() {
            self.entries.remove(name);
        }
    }

    /// A run takes too long and continues in parallel.
    pub(super) fn set_beside(&mut self, name: &str, serial: u64, run: Run) {
        if let Some(entry) = self.own(name, serial) {
            tracing::warn!(name, "a clean-up takes long and continues in parallel");
            entry.state = State::Beside(run);
        }
    }

    /// The entry, unless it was cancelled in the meantime: its name may have been reused.
    fn own(&mut self, name: &str, serial: u64) -> Option<&mut Entry> {
        self.entries
            .get_mut(name)
            .filter(|own| own.serial == serial)
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<u64> {
        let due = self.entries.values().map(|entry| entry.due(self.chance));
        due.min()
    }

    pub(super) fn totals(&self) -> ScheduleTotals {
        self.totals
    }

    pub(super) fn list(&mut self, now: u64) -> Vec<CleanupView> {
        self.welcome_back();
        let view = |(name, entry): (&String, &Entry)| CleanupView {
            name: name.clone(),
            interval: entry.timing.interval(),
            due_in: Duration::from_nanos(entry.due(self.chance).saturating_sub(now)),
            running: !matches!(entry.state, State::Waiting),
            runs: entry.runs,
            missed_asleep: entry.missed_asleep,
            missed_busy: entry.missed_busy,
            panics: entry.panics,
            last_panic: entry.last_panic.clone(),
        };
        self.entries.iter().map(view).collect()
    }
}

impl Entry {
    /// When its next turn is due. One that runs once and is running is never due again.
    fn due(&self, chance: u64) -> u64 {
        if self.timing.interval().is_none() && self.turn > 0 {
            return u64::MAX;
        }
        let after = self.timing.due(self.turn, self.chance(chance));
        self.start.saturating_add(after)
    }

    fn chance(&self, chance: u64) -> u64 {
        mix(chance ^ mix(self.serial))
    }
}
