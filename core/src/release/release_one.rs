//! The release of one resource: its children first, then the resource itself, on the calling thread if it
//! never blocks and by the ladder if it may.

use std::time::Duration;

use super::backstop::Backstop;
use super::inline_release::{Inline, release_inline};
use super::ladder::Ladder;
use super::record::{Cause, Outcome, Release};
use super::tracked_state::{AnyShare, AnyState};
use crate::resource::{Blocking, Deadline, Rung};
use backstop_os::fork;

impl Backstop {
    /// Releases a resource and waits for the end; if another caller is releasing it, waits for that one.
    pub(super) fn release_one(state: AnyShare, cause: Cause, first: Rung) -> Release {
        if !fork::is_original_process() {
            let reason = "a forked child does not release its parent's resources".to_owned();
            let outcome = Outcome::ReleasedUnverified { reason };
            return state.record(cause, outcome);
        }
        if !state.begin_release() {
            let policy = state.backstop.policy_of(&state);
            // Saturating: a policy may set deadlines beyond the clock.
            let longest = Rung::ALL.iter().fold(Duration::ZERO, |sum, rung| {
                sum.saturating_add(policy.deadline(*rung))
                    .saturating_add(policy.verify_deadline())
            });
            return wait_for_another(&state, cause, Deadline::after(longest));
        }
        Self::release_children(&state);
        match state.resource.blocking() {
            Blocking::Never => match release_inline(&state, cause) {
                Inline::Quietly(_) => state.record(cause, Outcome::Released),
                Inline::Recorded(release) => release,
            },
            Blocking::Possible => Ladder::new(state, cause, first).finish(),
        }
    }

    /// Releases a resource whose guard is dropped, with the policy's patience.
    pub(super) fn release_dropped(state: AnyShare, cause: Cause) {
        if !fork::is_original_process() || !state.begin_release() {
            return;
        }
        Self::release_children(&state);
        match state.resource.blocking() {
            Blocking::Never => {
                if let Inline::Quietly(Some(tables)) = release_inline(&state, cause) {
                    state.give_up(tables);
                }
            }
            Blocking::Possible => {
                let patience = Deadline::after(state.backstop.policy_of(&state).drop_patience());
                drop(Ladder::new(state, cause, Rung::Ask).finish_within(patience));
            }
        }
    }

    pub(super) fn release_children(parent: &AnyState) {
        let Some(id) = parent.id().filter(|_| parent.has_children()) else {
            return;
        };
        // Those that another caller is releasing are waited for too.
        let mut children = parent.backstop.attachments().all();
        children.retain(|state| state.parent == Some(id));
        // The last opened first, and each waited for: a parent must outlive its children.
        children.sort_by_key(|state| std::cmp::Reverse(state.opened_order()));
        for child in children {
            drop(Self::release_one(child, Cause::ParentReleased, Rung::Ask));
        }
    }
}

/// The record of a release that another caller has begun, waited for until the deadline.
fn wait_for_another(state: &AnyState, cause: Cause, deadline: Deadline) -> Release {
    state.await_end(deadline).unwrap_or_else(|| {
        let outcome = if state.is_being_released() {
            Outcome::Stuck {
                holder: None,
                reason: "another release of it has not ended".into(),
            }
        } else {
            Outcome::Released
        };
        state.record(cause, outcome)
    })
}
