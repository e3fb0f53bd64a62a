//! The remote control of a scripted resource.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use backstop_core::resource::{Presence, Rung};

use super::script::{Act, Look, Script, next};

/// Counts the calls, ends what hangs, repairs what fails.
#[derive(Debug)]
pub struct Remote(Arc<Shared>);

/// One call of a scripted resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Called {
    /// `release`, on a rung.
    Release(Rung),
    /// `verify`.
    Verify,
}

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug)]
struct State {
    script: Script,
    calls: Vec<Called>,
    releases: u32,
    /// How many further calls of `verify` still find it.
    looks_left: Option<u32>,
    hanging: u32,
    free: bool,
}

impl Remote {
    pub(super) fn of(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// What was called so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Called> {
        self.0.state().calls.clone()
    }

    /// How often it was released: once, in a correct run.
    #[must_use]
    pub fn releases(&self) -> u32 {
        self.0.state().releases
    }

    /// How many calls hang now.
    #[must_use]
    pub fn hanging(&self) -> u32 {
        self.0.state().hanging
    }

    /// Ends what hangs, and what would hang from now on.
    pub fn unblock(&self) {
        self.0.state().free = true;
        self.0.woken.notify_all();
    }

    /// From now on it is released immediately and reports the truth. A call that hangs keeps hanging.
    pub fn mend(&self) {
        let mut state = self.0.state();
        state.script = Script::default().blocking(state.script.blocking);
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.unblock();
    }
}

impl Shared {
    pub(super) fn of(script: Script) -> Self {
        Self {
            state: Mutex::new(State {
                script,
                calls: Vec::new(),
                releases: 0,
                looks_left: None,
                hanging: 0,
                free: false,
            }),
            woken: Condvar::new(),
        }
    }

    /// A test that panicked with the lock held is no reason to hang the others.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next_act(&self, rung: Rung) -> Act {
        let mut state = self.state();
        state.calls.push(Called::Release(rung));
        next(&mut state.script.acts[rung as usize]).expect("a rung has an act")
    }

    pub(super) fn next_look(&self) -> Look {
        let mut state = self.state();
        state.calls.push(Called::Verify);
        next(&mut state.script.looks).expect("a script has a look")
    }

    pub(super) fn releases(&self) {
        self.state().releases += 1;
    }

    pub(super) fn release_after(&self, looks: u32) {
        self.state().looks_left.get_or_insert(looks);
    }

    pub(super) fn truth(&self) -> Presence {
        let mut state = self.state();
        match state.looks_left {
            Some(0) => {
                state.looks_left = None;
                state.releases += 1;
            }
            Some(left) => state.looks_left = Some(left - 1),
            None => {}
        }
        if state.releases > 0 {
            Presence::Gone
        } else {
            Presence::present("the script")
        }
    }

    pub(super) fn hang(&self) {
        let mut state = self.state();
        state.hanging += 1;
        while !state.free {
            state = self
                .woken
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.hanging -= 1;
    }
}
