//! Releases on the calling thread, of what promises never to block: no thread, no clock, no deadline.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::deadline_call::{CallError, panic_text};
use super::record::{Cause, Outcome, Release};
use super::tracked_state::{AnyShare, AnyState};
use crate::error::Error;
use crate::resource::{Deadline, Presence, Progress, Rung, Step};

/// The result of a release on the calling thread.
pub(super) enum Inline {
    /// It succeeded, and is counted and not recorded one by one. With the share of the table, for the
    /// caller to drop.
    Quietly(Option<AnyShare>),
    /// It took more than one call, or has something to report.
    Recorded(Release),
}

/// Releases on the calling thread what promises never to block.
pub(super) fn release_inline(state: &AnyState, cause: Cause) -> Inline {
    let first = call_inline(state, Rung::Ask);
    if let (Ok(Ok(_)), Ok(Presence::Gone)) = &first {
        let tables = state.end_quietly();
        state.backstop.records().count(state.kind);
        return Inline::Quietly(tables);
    }
    Inline::Recorded(climb_inline(state, cause, first))
}

/// The results of a call of `release` and of `verify` after it, or their panics.
type Called = (
    std::thread::Result<Result<Progress, Error>>,
    std::thread::Result<Presence>,
);

fn call_inline(state: &AnyState, rung: Rung) -> Called {
    // No clock is read: what never blocks needs no deadline.
    let step = Step::new(rung, Deadline::passed());
    let progress = catch_unwind(AssertUnwindSafe(|| state.resource.release(&step)));
    // Verified even after a panic: it may have been released before that.
    let seen = catch_unwind(AssertUnwindSafe(|| state.resource.verify()));
    (progress, seen)
}

/// The rest of an inline release whose first call did not simply succeed.
#[cold]
fn climb_inline(state: &AnyState, cause: Cause, first: Called) -> Release {
    let started = Instant::now();
    let mut errors = Vec::new();
    let mut presence = Presence::unknown("not released");
    let mut attempts = 0;
    let mut last = Rung::Ask;
    let mut done = false;
    let mut first = Some(first);
    for rung in Rung::ALL {
        attempts += 1;
        last = rung;
        let (progress, seen) = first.take().unwrap_or_else(|| call_inline(state, rung));
        done = false;
        match progress {
            Ok(Ok(progress)) => done = progress == Progress::Done,
            Ok(Err(error)) => errors.push(format!("{rung}: {}", error.chain())),
            Err(panic) => errors.push(format!("{rung}: {}", panicked(&*panic))),
        }
        presence = seen.unwrap_or_else(|panic| {
            done = false;
            let panic = panicked(&*panic);
            errors.push(format!("verify: {panic}"));
            Presence::unknown(panic)
        });
        // It reports success and no probe can confirm it: a higher rung proves nothing.
        let cannot_tell = done && matches!(presence, Presence::Unknown { .. });
        if presence.is_gone() || cannot_tell {
            break;
        }
    }
    let outcome = match presence {
        Presence::Gone => Outcome::Released,
        Presence::Unknown { reason } if done || errors.is_empty() => {
            Outcome::ReleasedUnverified { reason }
        }
        Presence::Unknown { reason } => Outcome::Stuck {
            holder: None,
            reason: errors.last().cloned().unwrap_or(reason),
        },
        Presence::Present { holder } => Outcome::Stuck {
            holder,
            reason: errors
                .last()
                .cloned()
                .unwrap_or_else(|| "still exists".into()),
        },
    };
    let release = Release {
        rung: last,
        attempts,
        took: started.elapsed(),
        errors,
        ..state.record(cause, outcome)
    };
    state.end(&release);
    state.backstop.records().push(release.clone());
    release
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> String {
    CallError::Panicked(panic_text(panic)).to_string()
}
