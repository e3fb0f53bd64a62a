//! Removing for a dead owner what its ledger says it made.

mod find;

use std::time::Duration;

use backstop_core::policy::Order;
use backstop_core::reclaim::{Authority, Judgement, Orphan, Reclaimed, Reclaimer, side_by_side};
use backstop_core::release::Outcome;
use backstop_core::resource::{Bytes, Deadline, Kind};
use backstop_os::files::Removal;

use crate::recipe::EntryRecipe;
use crate::{DIRECTORY, FILE, PARTIAL, ROOT, error};
use find::{Finding, HeldRoot, find};

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

/// How many entries are judged before the first of them is removed.
const MOST: usize = 64;

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
        match find(orphan, None) {
            Finding::Settled(judgement) => judgement,
            Finding::Proven(proven) => Judgement::Reclaim {
                rule: "its owner is dead, and it is what that owner made".to_owned(),
                act: format!("remove {} with all that is in it", proven.path().display()),
                evidence: proven.evidence,
            },
        }
    }

    fn most_at_once(&self) -> usize {
        MOST
    }

    fn reclaim_all(
        &self,
        orphans: &[Orphan<'_>],
        _: &Authority,
        span: Duration,
        settled: &mut dyn FnMut(usize, Reclaimed),
    ) {
        let recipes: Vec<Option<EntryRecipe>> = orphans.iter().map(recipe_in_a_row).collect();
        let mut first = 0;
        let siblings = |left: &Option<EntryRecipe>, right: &Option<EntryRecipe>| match (left, right)
        {
            (Some(left), Some(right)) => {
                (&left.directory, left.leased) == (&right.directory, right.leased)
            }
            _ => false,
        };
        for row in recipes.chunk_by(siblings) {
            let turn = &orphans[first..first + row.len()];
            let held = row[0].as_ref().and_then(HeldRoot::of);
            let reclaim = |orphan: &Orphan<'_>| {
                backstop_core::kill_point::reach("sweep.acting");
                remove(orphan, held.as_ref(), Deadline::after(span))
            };
            let is_locked_by_each = row[0].as_ref().is_some_and(|recipe| recipe.leased);
            let mut settled = |index, reclaimed| settled(first + index, reclaimed);
            if is_locked_by_each && held.is_none() {
                for (index, orphan) in turn.iter().enumerate() {
                    settled(index, reclaim(orphan));
                }
            } else {
                side_by_side(turn, || (), |(), orphan| reclaim(orphan), settled);
            }
            first += row.len();
        }
    }

    fn reclaim(&self, orphan: &Orphan<'_>, _: &Authority, deadline: Deadline) -> Reclaimed {
        remove(orphan, None, deadline)
    }
}

fn remove(orphan: &Orphan<'_>, held: Option<&HeldRoot>, deadline: Deadline) -> Reclaimed {
    // Proven again: time has passed since the verdict.
    let proven = match find(orphan, held) {
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

/// The recipe of an entry that may be reclaimed beside others of the same directory: none of those is in
/// another, as each is a name of that directory.
fn recipe_in_a_row(orphan: &Orphan<'_>) -> Option<EntryRecipe> {
    let is_root = orphan.entry.kind == ROOT.name();
    orphan.read_recipe().ok().filter(|_| !is_root)
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
