//! Removing for a dead owner what its ledger says it made.

mod find;

use backstop_core::os::files::Removal;
use backstop_core::policy::Order;
use backstop_core::reclaim::{Authority, Judgement, Orphan, Reclaimed, Reclaimer};
use backstop_core::release::Outcome;
use backstop_core::resource::{Bytes, Deadline, Kind};

use crate::{DIRECTORY, FILE, PARTIAL, ROOT, error};
use find::{Finding, find};

/// Who can reclaim temp files and directories, leased roots and unfinished content.
///
/// # Guarantees
/// It removes only what is proven by the recorded file handle, or, where only an intent was written or
/// the file system gives no handles, by the random cookie in its name; only what belongs to this user;
/// and nothing in a leased root whose lock somebody holds.
#[must_use]
pub fn reclaimer() -> impl Reclaimer {
    TempfsReclaimer
}

struct TempfsReclaimer;

impl Reclaimer for TempfsReclaimer {
    fn kinds(&self) -> &'static [Kind] {
        // Not `tempfs.handle`: the kernel closed it.
        &[ROOT, DIRECTORY, FILE, PARTIAL]
    }

    /// What still runs can write there, so it goes first.
    fn order(&self) -> Order {
        Order::Last
    }

    fn judge(&self, orphan: &Orphan<'_>) -> Judgement {
        match find(orphan) {
            Finding::Settled(judgement) => judgement,
            Finding::Proven(proven) => Judgement::Reclaim {
                rule: "its owner is dead, and it is what that owner made".to_owned(),
                act: format!("remove {} with all that is in it", proven.path().display()),
                evidence: proven.evidence,
            },
        }
    }

    fn reclaim(&self, orphan: &Orphan<'_>, _: &Authority, deadline: Deadline) -> Reclaimed {
        // Proven again: time has passed since the verdict.
        let proven = match find(orphan) {
            Finding::Proven(proven) => proven,
            Finding::Settled(Judgement::Gone { .. }) => {
                return Reclaimed {
                    count: 0,
                    ..Reclaimed::released()
                };
            }
            Finding::Settled(Judgement::Keep { reason, holder }) => {
                return Reclaimed {
                    outcome: Outcome::Stuck { holder, reason },
                    ..Reclaimed::stuck("")
                };
            }
            Finding::Settled(other) => return Reclaimed::stuck(format!("{other:?}")),
        };
        let path = proven.path();
        backstop_core::kill_point::reach("tempfs.reclaiming");
        match proven.doomed().remove(deadline) {
            Err(refusal) => Reclaimed::stuck(error::refused(&path, refusal).chain()),
            Ok(removal) => account(removal, |removal| error::incomplete(&path, removal).chain()),
        }
    }
}

fn account(removal: Removal, explain: impl FnOnce(Removal) -> String) -> Reclaimed {
    let count = removal.files + removal.directories;
    let bytes = Bytes(removal.bytes);
    let outcome = if removal.is_complete() {
        Outcome::Released
    } else {
        Outcome::Stuck {
            holder: None,
            reason: explain(removal),
        }
    };
    Reclaimed {
        outcome,
        count,
        bytes,
    }
}
