//! Policies enforced at intervals, by a thread of its own.

use std::thread::JoinHandle;
use std::time::Duration;

use super::backstop::Backstop;
use super::cancel::CancelToken;
use super::record::{Cause, Release};
use crate::error::{Error, Stage};
use crate::policy::Verdict;
use crate::resource::Rung;

/// Enforces policies until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the enforcement"]
pub struct Enforcement {
    stop: CancelToken,
    thread: Option<JoinHandle<()>>,
}

impl Backstop {
    /// Releases every resource whose policy requires it, at the current time of this clock.
    ///
    /// Call it at intervals: by [`enforce_every`](Self::enforce_every), a timer of the
    /// program's own, a test.
    pub fn enforce(&self) -> Vec<Release> {
        let now = self.now();
        let due: Vec<_> = self
            .open_states()
            .into_iter()
            .filter_map(
                |state| match self.policy_of(&state).judge(&state.facts(now)) {
                    Verdict::Release(reason) => Some((state, reason)),
                    Verdict::Keep => None,
                },
            )
            .collect();
        due.into_iter()
            .map(|(state, reason)| Self::release_one(state, Cause::Policy(reason), Rung::Ask))
            .collect()
    }

    /// Releases at each interval every resource that exceeds the lifetime or the idle limit of its policy.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn enforce_every(&self, interval: Duration) -> Result<Enforcement, Error> {
        let (backstop, stop) = (*self, CancelToken::new());
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("backstop-enforce".into())
            .spawn(move || {
                while !stopped.wait(interval) {
                    for release in backstop.enforce() {
                        tracing::info!(%release, cause = %release.cause, "released by its policy");
                    }
                }
            })
            .map_err(|error| {
                Error::io(
                    Stage::Configure,
                    "the thread that enforces policies cannot be started",
                    error,
                )
            })?;
        Ok(Enforcement {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Enforcement {
    /// Waits for a release that is under way: at most as long as its ladder.
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread that enforces policies had panicked");
        }
    }
}
