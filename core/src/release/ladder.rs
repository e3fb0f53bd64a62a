//! The ladder: ask, insist, force, and after each a check whether the resource is gone.

use std::time::{Duration, Instant};

use super::deadline_call::{CallError, DeadlineCall};
use super::record::{Cause, Outcome, Release};
use super::tracked_state::AnyShare;
use crate::error::Error;
use crate::policy::CleanupPolicy;
use crate::resource::{Deadline, Presence, Progress, Rung, Step};

/// The release of one resource, which its holder drives until it ends. It can be left in the middle
/// and driven on from another thread.
pub(super) struct Ladder {
    state: AnyShare,
    policy: CleanupPolicy,
    cause: Cause,
    started: Instant,
    rung: Rung,
    rung_ends: Deadline,
    failures: u32,
    attempts: u32,
    errors: Vec<String>,
    wait: Wait,
}

/// What the ladder is waiting for.
enum Wait {
    /// A call of `release`, followed by `verify`.
    Release(DeadlineCall<(Result<Progress, Error>, Option<Presence>)>),
    /// A call of `verify`, after a release that is done or pending; the pause until the next one; its deadline.
    Verify(DeadlineCall<Presence>, Duration, Deadline),
    /// The time of the next `verify`.
    NextVerify(Deadline, Duration),
    /// The time of the next attempt on this rung.
    NextTry(Deadline),
    /// Nothing: the next rung's call has yet to begin.
    Begin,
}

/// The result of one wait.
enum Event {
    Goes,
    Over(Outcome),
    Patience,
}

impl Ladder {
    /// The ladder of a resource whose release was claimed, beginning at `first`.
    pub(super) fn new(state: AnyShare, cause: Cause, first: Rung) -> Self {
        let policy = state.backstop.policy_of(&state);
        let mut ladder = Self {
            state,
            policy,
            cause,
            started: Instant::now(),
            rung: first,
            rung_ends: Deadline::after(Duration::ZERO),
            failures: 0,
            attempts: 0,
            errors: Vec::new(),
            wait: Wait::Begin,
        };
        while ladder.rung != Rung::Force && ladder.policy.deadline(ladder.rung).is_zero() {
            ladder.rung = next(ladder.rung);
        }
        ladder.enter_rung();
        ladder
    }

    /// Drives the ladder to its end.
    pub(super) fn finish(mut self) -> Release {
        loop {
            if let Some(outcome) = self.advance(None) {
                return self.record(outcome);
            }
        }
    }

    /// Drives the ladder until its end or the deadline; past that it continues in the background.
    pub(super) fn finish_within(mut self, patience: Deadline) -> Option<Release> {
        if let Some(outcome) = self.advance(Some(patience)) {
            return Some(self.record(outcome));
        }
        let (state, cause) = (self.state.clone(), self.cause);
        DeadlineCall::begin(move || drop(self.finish()))
            .err()
            .map(|error| state.end_without_thread(cause, &error))
    }

    fn advance(&mut self, patience: Option<Deadline>) -> Option<Outcome> {
        loop {
            match self.step(patience) {
                Event::Goes => {}
                Event::Over(outcome) => return Some(outcome),
                Event::Patience => return None,
            }
        }
    }

    fn step(&mut self, patience: Option<Deadline>) -> Event {
        if self.state.is_hurried() && self.rung != Rung::Force {
            self.fail(format!("{}: cut short by a demand to force", self.rung));
            self.rung = Rung::Force;
            self.enter_rung();
        }
        match std::mem::replace(&mut self.wait, Wait::Begin) {
            Wait::Begin => self.begin(),
            Wait::Release(call) => {
                // A forced release whose time is short may still answer within one glance.
                let ends = self.rung_ends;
                match call.answer(glance(ends, patience)) {
                    Some(answer) => self.released(answer),
                    None if ends.has_passed() => {
                        self.fail(format!("{}: {}", self.rung, CallError::Hung));
                        self.verify_before_climbing()
                    }
                    None => {
                        self.wait = Wait::Release(call);
                        go_on(patience)
                    }
                }
            }
            Wait::Verify(call, pause, ends) => match call.answer(glance(ends, patience)) {
                Some(answer) => {
                    let presence =
                        answer.unwrap_or_else(|error| Presence::unknown(format!("verify {error}")));
                    self.verified(presence, pause)
                }
                None if ends.has_passed() => {
                    self.verified(Presence::unknown("verify did not return in time"), pause)
                }
                None => {
                    self.wait = Wait::Verify(call, pause, ends);
                    go_on(patience)
                }
            },
            Wait::NextVerify(at, pause) => match sleep_until(at, patience) {
                true => self.verify(pause),
                false => {
                    self.wait = Wait::NextVerify(at, pause);
                    go_on(patience)
                }
            },
            Wait::NextTry(at) => match sleep_until(at, patience) {
                true => Event::Goes,
                false => {
                    self.wait = Wait::NextTry(at);
                    go_on(patience)
                }
            },
        }
    }

    fn begin(&mut self) -> Event {
        self.attempts += 1;
        let (state, step) = (self.state.clone(), Step::new(self.rung, self.rung_ends));
        let call = DeadlineCall::begin(move || {
            let progress = state.resource.release(&step);
            let presence = progress.is_ok().then(|| state.resource.verify());
            (progress, presence)
        });
        match call {
            Ok(call) => {
                self.wait = Wait::Release(call);
                Event::Goes
            }
            Err(error) => {
                self.fail(error.to_string());
                self.climb(None)
            }
        }
    }

    fn released(
        &mut self,
        answer: Result<(Result<Progress, Error>, Option<Presence>), CallError>,
    ) -> Event {
        match answer {
            Ok((Ok(progress), presence)) => {
                let presence = presence.unwrap_or(Presence::unknown("not verified"));
                match (progress, presence) {
                    (_, Presence::Gone) => Event::Over(Outcome::Released),
                    // It reports success and no probe can confirm it: a higher rung proves nothing.
                    (Progress::Done, Presence::Unknown { reason }) => {
                        Event::Over(Outcome::ReleasedUnverified { reason })
                    }
                    (_, presence) => self.verified(presence, FIRST_PAUSE),
                }
            }
            Ok((Err(error), _)) => {
                let again = error.can_retry();
                self.fail(format!("{}: {}", self.rung, error.chain()));
                self.failures += 1;
                let at = Deadline::after(self.policy.backoff().after(self.failures));
                if again && self.failures <= self.policy.retries() && at < self.rung_ends {
                    self.wait = Wait::NextTry(at);
                    return Event::Goes;
                }
                self.verify_before_climbing()
            }
            Err(error) => {
                self.fail(format!("{}: {error}", self.rung));
                self.verify_before_climbing()
            }
        }
    }

    /// A release that failed or hung may have succeeded all the same, and must then not be repeated; if it
    /// did not, the check names the holder.
    fn verify_before_climbing(&mut self) -> Event {
        self.rung_ends = Deadline::after(Duration::ZERO);
        self.verify(FIRST_PAUSE)
    }

    fn verify(&mut self, pause: Duration) -> Event {
        let state = self.state.clone();
        match DeadlineCall::begin(move || state.resource.verify()) {
            Ok(call) => {
                let ends = Deadline::after(self.policy.verify_deadline());
                self.wait = Wait::Verify(call, pause, ends);
                Event::Goes
            }
            Err(error) => self.verified(Presence::unknown(error.to_string()), pause),
        }
    }

    fn verified(&mut self, presence: Presence, pause: Duration) -> Event {
        if presence.is_gone() {
            return Event::Over(Outcome::Released);
        }
        let at = Deadline::after(pause);
        if at < self.rung_ends {
            self.wait = Wait::NextVerify(at, (pause * 2).min(LONGEST_PAUSE));
            return Event::Goes;
        }
        self.climb(Some(presence))
    }

    fn climb(&mut self, presence: Option<Presence>) -> Event {
        if self.rung != Rung::Force {
            self.rung = next(self.rung);
            self.enter_rung();
            return Event::Goes;
        }
        let reason = self.errors.last().cloned();
        Event::Over(match presence {
            Some(Presence::Unknown { reason: unknown }) if reason.is_none() => {
                Outcome::ReleasedUnverified { reason: unknown }
            }
            Some(Presence::Present { holder }) => Outcome::Stuck {
                holder,
                reason: reason.unwrap_or_else(|| "still exists after force".into()),
            },
            _ => Outcome::Stuck {
                holder: None,
                reason: reason.unwrap_or_else(|| "not known to be gone".into()),
            },
        })
    }

    fn enter_rung(&mut self) {
        self.failures = 0;
        self.rung_ends = Deadline::after(self.policy.deadline(self.rung));
        self.wait = Wait::Begin;
    }

    fn fail(&mut self, error: String) {
        tracing::debug!(kind = %self.state.kind, site = %self.state.site, error, "a release failed");
        self.errors.push(error);
    }

    fn record(self, outcome: Outcome) -> Release {
        let release = Release {
            rung: self.rung,
            attempts: self.attempts,
            took: self.started.elapsed(),
            errors: self.errors,
            ..self.state.record(self.cause, outcome)
        };
        if release.outcome.is_stuck() {
            tracing::warn!(site = %release.site, "{release}");
        }
        self.state.end(&release);
        self.state.backstop.records().push(release.clone());
        release
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

fn next(rung: Rung) -> Rung {
    match rung {
        Rung::Ask => Rung::Insist,
        Rung::Insist | Rung::Force => Rung::Force,
    }
}

/// A wait is cut into pieces, between which a demand to force is noticed.
const GLANCE: Duration = Duration::from_millis(50);

fn glance(deadline: Deadline, patience: Option<Deadline>) -> Deadline {
    let glance = deadline.earlier(Deadline::after(GLANCE));
    patience.map_or(glance, |patience| glance.earlier(patience))
}

fn go_on(patience: Option<Deadline>) -> Event {
    match patience {
        Some(patience) if patience.has_passed() => Event::Patience,
        _ => Event::Goes,
    }
}

/// Sleeps until `at`, at most for a glance or until patience ends; whether `at` has come.
fn sleep_until(at: Deadline, patience: Option<Deadline>) -> bool {
    std::thread::sleep(glance(at, patience).remaining());
    at.has_passed()
}
