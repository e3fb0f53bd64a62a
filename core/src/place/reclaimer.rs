//! Removes the entries in the ledger of a dead owner.

mod find;

use std::ffi::OsStr;
use std::time::Duration;

use backstop_os::claim::Claim;
use backstop_os::files::{Removal, RemovalRefusal, WalkLimits};
use backstop_os::quarantine::Quarantine;

use super::error;
use super::recipe::{ENTRY_FORM, EntryForm, EntryRecipe, ROOT_FORM};
use crate::policy::Order;
use crate::reclaim::{Authority, Judgement, Orphan, Reclaimed, Reclaimer, side_by_side};
use crate::release::Outcome;
use crate::resource::{Bytes, Deadline, Form};
use find::{Finding, HeldRoot, find};

/// Reclaims leased files and directories, leased roots and unfinished content, of any kind: chosen by
/// the recipe's form.
///
/// # Guarantees
/// It removes only what is proven by the recorded file handle, or, where only an intent was written or
/// the file system has no file handles, by the random cookie in its name; only what belongs to this user;
/// and nothing in a leased root whose lock another process holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct EntryReclaimer;

/// How many entries are checked before the first of them is removed.
const MOST: usize = 64;

impl Reclaimer for EntryReclaimer {
    fn forms(&self) -> &'static [Form] {
        &[ENTRY_FORM, ROOT_FORM]
    }

    /// Processes can write there, so they are reclaimed first.
    fn order(&self) -> Order {
        Order::Last
    }

    fn judge(&self, orphan: &Orphan<'_>) -> Judgement {
        match find(orphan, None) {
            Finding::Settled(judgement) => judgement,
            Finding::Proven(proven) => Judgement::Reclaim {
                rule: "its owner is dead, and it is the entry that the owner created".to_owned(),
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
        authority: &Authority<'_>,
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
                crate::kill_point::reach("sweep.acting");
                remove(orphan, held.as_ref(), authority, Deadline::after(span))
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

    fn reclaim(
        &self,
        orphan: &Orphan<'_>,
        authority: &Authority<'_>,
        deadline: Deadline,
    ) -> Reclaimed {
        remove(orphan, None, authority, deadline)
    }
}

/// Removes an entry that no ledger names, for a rule that claimed it.
///
/// # Guarantees
/// It is moved into the quarantine first, and removed only if it still is what was claimed.
///
/// # Errors
/// It is another entry by now, or the system refused before anything was removed.
pub fn remove_claimed(
    quarantine: &Quarantine<'_>,
    name: &OsStr,
    claim: &Claim,
    limits: &WalkLimits,
    _authority: &Authority<'_>,
) -> Result<Removal, RemovalRefusal> {
    quarantine.remove_claimed(name, claim, limits)
}

fn remove(
    orphan: &Orphan<'_>,
    held: Option<&HeldRoot>,
    authority: &Authority<'_>,
    deadline: Deadline,
) -> Reclaimed {
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
    crate::kill_point::reach("place.reclaiming");
    match proven.remove(authority, deadline) {
        Err(refusal) => Reclaimed::stuck(error::refused(&path, refusal).chain()),
        Ok(removal) => account(removal, |removal| error::incomplete(&path, removal).chain()),
    }
}

/// The recipe of an entry that may be reclaimed along with others of the same directory: none of those is in
/// another, as each is a name of that directory.
fn recipe_in_a_row(orphan: &Orphan<'_>) -> Option<EntryRecipe> {
    let recipe: Option<EntryRecipe> = orphan.read_recipe().ok();
    recipe.filter(|recipe| recipe.form == EntryForm::Entry)
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
