//! Releasing everything, in order.

use std::fmt;
use std::time::Duration;

use super::backstop::Backstop;
use super::deadline_call::DeadlineCall;
use super::inline_release::{Inline, release_inline};
use super::ladder::Ladder;
use super::record::{Cause, Release};
use super::release_claim::Claim;
use super::tracked_state::{AnyShare, AnyState};
use crate::policy::Order;
use crate::resource::{Blocking, Deadline, Kind, Rung};
use backstop_os::fork;

/// The result of releasing many resources.
#[derive(Debug, Default)]
#[must_use = "some may be stuck"]
pub struct ReleaseReport {
    /// The releases that ended, in the order in which they ended.
    pub ended: Vec<Release>,
    /// How many more went well on the fast path.
    pub quietly: u64,
    /// What had not ended at the deadline: kind, label and site.
    pub unfinished: Vec<String>,
}

impl ReleaseReport {
    /// Whether everything is gone.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unfinished.is_empty() && !self.ended.iter().any(|release| release.outcome.is_stuck())
    }
}

impl fmt::Display for ReleaseReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stuck = self
            .ended
            .iter()
            .filter(|release| release.outcome.is_stuck())
            .count();
        write!(
            formatter,
            "{} released, {} stuck, {} unfinished",
            self.ended.len() as u64 - stuck as u64 + self.quietly,
            stuck,
            self.unfinished.len()
        )
    }
}

/// One that is being released in the background.
struct Pending {
    state: AnyShare,
    call: DeadlineCall<Release>,
}

impl Backstop {
    /// Releases everything that is open: by order, the last opened first, children before parents.
    ///
    /// Each release gets a moment; what takes longer continues while the next begins, so that one that is
    /// stuck delays no other. A parent waits for its children. What another caller is releasing is
    /// waited for. Returns when all have ended, at the latest at the deadline.
    pub fn release_all(&self, deadline: Deadline) -> ReleaseReport {
        self.release_open(|_| true, Cause::Asked, Rung::Ask, deadline)
    }

    /// Releases everything of a kind that is open, as [`release_all`](Self::release_all) does.
    pub fn release_kind(&self, kind: Kind, deadline: Deadline) -> ReleaseReport {
        self.release_open(
            |state| state.kind == kind,
            Cause::Asked,
            Rung::Ask,
            deadline,
        )
    }

    pub(super) fn release_open(
        &self,
        chosen: impl Fn(&AnyState) -> bool,
        cause: Cause,
        first: Rung,
        deadline: Deadline,
    ) -> ReleaseReport {
        let mut report = ReleaseReport::default();
        if !fork::is_original_process() {
            return report;
        }
        // Each is read once, and again only in its turn: one that is neither open nor being released at
        // the same time is gone.
        let mut states: Vec<(Order, AnyShare)> = self
            .states_not_released()
            .into_iter()
            .filter(|state| chosen(state))
            .map(|state| (self.policy_of(&state).order(), state))
            .collect();
        if first == Rung::Force {
            states.iter().for_each(|(_, state)| state.hurry());
        }
        let mut others = Vec::new();
        states.sort_by(|(left_order, left), (right_order, right)| {
            left_order
                .cmp(right_order)
                .then_with(|| right.opened_order().cmp(&left.opened_order()))
        });
        for group in states.chunk_by(|(left, _), (right, _)| left == right) {
            let pending: Vec<Pending> = group
                .iter()
                .filter_map(|(_, state)| match state.claim_release() {
                    Claim::Taken => report.begin(state.clone(), cause, first),
                    Claim::HeldByAnother => {
                        others.push(state.clone());
                        None
                    }
                    Claim::Released => None,
                })
                .collect();
            for Pending { state, call } in pending {
                report.collect(&state, &call, deadline);
            }
        }
        for state in others {
            report.await_other(&state, deadline);
        }
        report
    }
}

impl ReleaseReport {
    /// Releases one that was claimed, and returns it as pending if that takes longer than a moment.
    fn begin(&mut self, state: AnyShare, cause: Cause, first: Rung) -> Option<Pending> {
        if state.resource.blocking() == Blocking::Never {
            match release_inline(&state, cause) {
                Inline::Recorded(release) => self.ended.push(release),
                Inline::Quietly(_) => self.quietly += 1,
            }
            return None;
        }
        let body = state.clone();
        let call = DeadlineCall::begin(move || {
            Backstop::release_children(&body);
            Ladder::new(body, cause, first).finish()
        });
        match call {
            Ok(call) => match call.answer(Deadline::after(MOMENT)) {
                Some(Ok(release)) => {
                    self.ended.push(release);
                    None
                }
                Some(Err(error)) => {
                    self.unfinished.push(format!("{}: {error}", name(&state)));
                    None
                }
                None => Some(Pending { state, call }),
            },
            Err(error) => {
                self.ended.push(state.end_without_thread(cause, &error));
                None
            }
        }
    }

    /// Waits for a release that another caller began: a dropped guard's, in the background.
    fn await_other(&mut self, state: &AnyState, deadline: Deadline) {
        match state.await_end(deadline) {
            Some(release) => self.ended.push(release),
            None if state.is_being_released() => self.unfinished.push(name(state)),
            None => self.quietly += 1,
        }
    }

    fn collect(&mut self, state: &AnyState, call: &DeadlineCall<Release>, deadline: Deadline) {
        match call.answer(deadline) {
            Some(Ok(release)) => self.ended.push(release),
            Some(Err(error)) => self.unfinished.push(format!("{}: {error}", name(state))),
            None => self.unfinished.push(name(state)),
        }
    }
}

/// How long the next one waits for the one before it, so that quick releases end in strict order.
const MOMENT: Duration = Duration::from_millis(50);

fn name(state: &AnyState) -> String {
    let label = state.label();
    format!("{} {label} opened at {}", state.kind, state.site)
}
