//! Terminates children that exceed their time limit.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backstop_core::policy::CleanupPolicy;
use backstop_core::resource::{Deadline, Rung};
use backstop_core::tree::ContainedChild;

/// Watches one child on a thread of its own, which ends with the child.
pub(crate) fn watch(
    tree: Arc<ContainedChild>,
    label: String,
    span: Duration,
    policy: CleanupPolicy,
    timed_out: Arc<AtomicBool>,
) -> io::Result<()> {
    std::thread::Builder::new()
        .name("backstop-deadline".into())
        .spawn(move || {
            // A child that cannot be waited for counts as timed out: the limit must not be lost.
            if !tree.wait(Some(Deadline::after(span))).unwrap_or(false) {
                // Release: a thread that sees the exit status sees this too.
                timed_out.store(true, Ordering::Release);
                end(&tree, &label, &policy);
            }
        })
        .map(drop)
}

/// The ladder without its ledger: the guard is its owner's, and will find everything gone.
fn end(tree: &ContainedChild, label: &str, policy: &CleanupPolicy) {
    for rung in Rung::ALL {
        let deadline = Deadline::after(policy.deadline(rung));
        if rung != Rung::Force && policy.deadline(rung).is_zero() {
            continue;
        }
        // Less time than the rung has, so that the exit is seen within the rung.
        let most = Deadline::after(policy.deadline(rung) / 8 * 7);
        if let Err(error) = tree.release_by(rung, most) {
            tracing::warn!(label, %rung, error = error.chain(), "a child that exceeded its time limit was not terminated");
        }
        while !deadline.has_passed() {
            match tree.members() {
                Ok(members) if members.is_empty() => return,
                // Not every containment has an event for the end of a whole tree.
                _ => std::thread::sleep(PAUSE.min(deadline.remaining())),
            }
        }
    }
}

const PAUSE: Duration = Duration::from_millis(20);
