//! Taking down many trees at once: the processes of the system are scanned once for all of them, all are
//! asked to end, and waited for together.
//!
//! This is for trees of which everything could be identified. As soon as that fails for one, or a process
//! outlives it, that one is left to the way of a single tree, which searches again and has more patience.

use std::io;
use std::time::Instant;

use backstop_os::identity::Cookie;
use backstop_os::pinned::{PinnedProcess, still_running};
use backstop_os::scan::Scan;
use backstop_os::takedown::{Reap, Relative, Roots, Traces};
use backstop_os::tree;

use super::found::Found;
use super::recipe::TreeRecipe;
use super::recorded::{pid_namespace, readable};
use crate::reclaim::{Authority, Judgement, Orphan, Reclaimed, side_by_side};
use crate::resource::Deadline;

/// How many trees are taken down together. Each of their processes takes up to three descriptors
/// meanwhile; where these run out, what is left is done tree by tree.
pub(super) const MOST: usize = 64;

/// The judgements of those orphans that are plain; `None` where a single search must decide.
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
    if let Ok(found) = search(&trees) {
        for ((index, recipe), found) in trees.iter().zip(found) {
            // One that was being started may show itself to a second search only.
            if found.is_plain() && !(found.is_nothing() && recipe.leader.is_none()) {
                judgements[*index] = Some(found.judgement(recipe));
            }
        }
    }
    judgements
}

/// The result of each tree: gone, or, if that is not certain, how many processes of it were found.
pub(super) fn take_down(
    orphans: &[Orphan<'_>],
    _authority: &Authority<'_>,
    deadline: Deadline,
) -> Vec<Result<Reclaimed, u64>> {
    let here = pid_namespace();
    let mut taken: Vec<Result<Reclaimed, u64>> = orphans.iter().map(|_| Err(0)).collect();
    let recipes = orphans.iter().map(|orphan| readable(orphan, &here).ok());
    let recipes = recipes.enumerate();
    let trees: Vec<_> = recipes
        .filter_map(|(index, recipe)| Some((index, recipe?)))
        .collect();
    let Ok(found) = search(&trees) else {
        return taken;
    };
    for ((index, _), found) in trees.iter().zip(&found) {
        taken[*index] = Err(found.processes.len() as u64);
    }
    if let Ok(empty) = empty(&trees, &found, deadline) {
        for (((index, _), found), empty) in trees.iter().zip(&found).zip(empty) {
            if empty && matches!(found.dissolve(), Ok(true)) {
                taken[*index] = Ok(found.released(0));
            }
        }
    }
    taken
}

/// Asks, waits once for all, kills, and decides of each tree whether it is certainly empty: all that were
/// found have ended, and two searches in a row, as a process can fork and end during one, found none.
fn empty(
    trees: &[(usize, TreeRecipe)],
    found: &[Found],
    deadline: Deadline,
) -> io::Result<Vec<bool>> {
    for found in found {
        found.terminate();
    }
    let asked = Instant::now();
    for ((_, recipe), found) in trees.iter().zip(found) {
        let grace = (asked + recipe.grace()).min(deadline.instant());
        let running = still_running(&found.processes, grace)?;
        if running.is_empty() && found.cgroup.is_none() {
            continue;
        }
        let traces = Roots::Traces(Traces {
            cgroup: found.cgroup.as_ref(),
            processes: &running,
            ..Traces::default()
        });
        // What fails here is left to the way of a single tree.
        let _ = tree::kill_until_empty(traces, &[], Reap::Nothing, deadline.instant());
    }
    let first = by_tree(trees)?;
    let second = search(trees)?;
    let searches = found.iter().zip(first.iter().zip(&second));
    Ok(searches
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

/// Searches for all trees, with one scan of the processes of the system.
fn search(trees: &[(usize, TreeRecipe)]) -> io::Result<Vec<Found>> {
    let mut seen: Vec<Option<io::Result<Found>>> = trees.iter().map(|_| None).collect();
    side_by_side(
        trees,
        || (),
        |(), (_, recipe)| Found::search_without_cookie(recipe),
        |index, found| seen[index] = Some(found),
    );
    let scans = by_tree(trees)?;
    let each = seen.into_iter().flatten().zip(scans);
    each.map(|(found, scan)| {
        let mut found = found?;
        found.add_relatives(scan);
        Ok(found)
    })
    .collect()
}

/// The relatives of each tree by its cookie. What could not be identified may be of any tree.
fn by_tree(trees: &[(usize, TreeRecipe)]) -> io::Result<Vec<Scan<Relative>>> {
    let cookies: Vec<Cookie> = trees.iter().map(|(_, recipe)| recipe.cookie).collect();
    let scan = tree::with_cookies(&cookies)?;
    let empty = || Scan {
        found: Vec::new(),
        unreadable: scan.unreadable,
        unsettled: scan.unsettled,
    };
    let mut scans: Vec<_> = cookies.iter().map(|_| empty()).collect();
    for relative in scan.found {
        scans[relative.cookie].found.push(relative);
    }
    Ok(scans)
}
