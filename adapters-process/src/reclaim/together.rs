//! Taking down the trees of many children at once: the processes of the system are looked at once for
//! all of them, all are asked to end, and waited for together.
//!
//! This is for trees that are plain to see. As soon as anything about one cannot be told, or somebody
//! outlives it, that one is left to the way of a single tree, which looks again and has more patience.

use std::io;

use backstop_core::reclaim::{Judgement, Orphan, Reclaimed, side_by_side};
use backstop_core::release::Outcome;
use backstop_core::resource::{Bytes, Deadline};
use backstop_os::carriers::carriers;
use backstop_os::pinned::{PinnedProcess, still_running};
use backstop_os::scan::Scan;
use backstop_os::signal::Signal;
use backstop_os::takedown::{Reap, Roots};
use backstop_os::tree;

use super::{Found, GRACE, dissolve, pid_namespace, readable};
use crate::recipe::ChildRecipe;

/// How many trees are taken down together. Each of their processes takes up to three descriptors
/// meanwhile; where these run out, what is left is done tree by tree.
pub(super) const MOST: usize = 64;

/// The judgements of those orphans that are plain; `None` for whom a single look must tell.
pub(super) fn judge(orphans: &[Orphan<'_>]) -> Vec<Option<Judgement>> {
    let here = pid_namespace();
    let mut judgements: Vec<Option<Judgement>> = orphans.iter().map(|_| None).collect();
    let mut trees = Vec::new();
    for (index, orphan) in orphans.iter().enumerate() {
        match readable(orphan, &here) {
            Ok(recipe) => trees.push((index, recipe)),
            Err(judgement) => judgements[index] = Some(judgement),
        }
    }
    if let Ok(found) = look(&trees) {
        for ((index, recipe), found) in trees.iter().zip(found) {
            // One that was being started may show itself to a second look only.
            if found.is_plain() && !(found.is_nothing() && recipe.leader.is_none()) {
                judgements[*index] = Some(found.judgement(recipe));
            }
        }
    }
    judgements
}

/// What became of each tree: gone, or, if that is not certain, how many processes of it were found.
pub(super) fn take_down(orphans: &[Orphan<'_>], deadline: Deadline) -> Vec<Result<Reclaimed, u64>> {
    let here = pid_namespace();
    let mut taken: Vec<Result<Reclaimed, u64>> = orphans.iter().map(|_| Err(0)).collect();
    let recipes = orphans.iter().map(|orphan| readable(orphan, &here).ok());
    let recipes = recipes.enumerate();
    let trees: Vec<_> = recipes
        .filter_map(|(index, recipe)| Some((index, recipe?)))
        .collect();
    let Ok(found) = look(&trees) else {
        return taken;
    };
    for ((index, _), found) in trees.iter().zip(&found) {
        taken[*index] = Err(found.processes.len() as u64);
    }
    if let Ok(empty) = empty(&trees, &found, deadline) {
        for (((index, _), found), empty) in trees.iter().zip(&found).zip(empty) {
            if empty && matches!(dissolve(found), Ok(true)) {
                taken[*index] = Ok(Reclaimed {
                    outcome: Outcome::Released,
                    count: found.processes.len() as u64,
                    bytes: Bytes(0),
                });
            }
        }
    }
    taken
}

/// Asks, waits once for all, kills, and says of each tree whether it is certainly empty: all that were
/// found have ended, and two looks in a row, as a process can fork and end during one, found nobody.
fn empty(
    trees: &[(usize, ChildRecipe)],
    found: &[Found],
    deadline: Deadline,
) -> io::Result<Vec<bool>> {
    for signal in [Signal::TERM, Signal::CONT] {
        for process in found.iter().flat_map(|found| &found.processes) {
            // One that is gone needs none, and one that refuses it is killed below.
            let _ = process.signal(signal);
        }
    }
    let grace = Deadline::after(GRACE).earlier(deadline);
    let kill = |roots: Roots<'_>| {
        // What fails here is left to the way of a single tree.
        let _ = tree::kill_until_empty(roots, &[], Reap::Nothing, deadline.instant());
    };
    for found in found {
        let running = still_running(&found.processes, grace.instant())?;
        if !running.is_empty() {
            kill(Roots::DescendantsOfAny(&running));
        }
        if let Some(group) = &found.cgroup {
            kill(Roots::Cgroup(group));
        }
    }
    let first = by_tree(trees)?;
    let second = look(trees)?;
    let looks = found.iter().zip(first.iter().zip(&second));
    Ok(looks
        .map(|(found, (first, second))| {
            found.is_plain()
                && found.processes.iter().all(PinnedProcess::has_exited)
                && first.found.is_empty()
                && first.unsettled == 0
                && second.is_plain()
                && second.processes.is_empty()
        })
        .collect())
}

/// Looks at all trees, with one look at the processes of the system.
fn look(trees: &[(usize, ChildRecipe)]) -> io::Result<Vec<Found>> {
    let mut seen: Vec<Option<io::Result<Found>>> = trees.iter().map(|_| None).collect();
    side_by_side(
        trees,
        || (),
        |(), (_, recipe)| Found::look_without_cookie(recipe),
        |index, found| seen[index] = Some(found),
    );
    let scans = by_tree(trees)?;
    let each = seen.into_iter().flatten().zip(scans);
    each.map(|(found, scan)| {
        let mut found = found?;
        found.add_carriers(scan);
        Ok(found)
    })
    .collect()
}

/// The carriers of each tree's cookie. What could not be told may be of any tree.
fn by_tree(trees: &[(usize, ChildRecipe)]) -> io::Result<Vec<Scan<PinnedProcess>>> {
    let cookies: Vec<_> = trees.iter().map(|(_, recipe)| recipe.cookie).collect();
    let scan = carriers(&cookies)?;
    let empty = || Scan {
        found: Vec::new(),
        unreadable: scan.unreadable,
        unsettled: scan.unsettled,
    };
    let mut scans: Vec<_> = cookies.iter().map(|_| empty()).collect();
    for (index, process) in scan.found {
        scans[index].found.push(process);
    }
    Ok(scans)
}

impl Found {
    /// Whether all about the tree could be told.
    fn is_plain(&self) -> bool {
        self.unsettled == 0 && self.unproven.is_empty()
    }
}
