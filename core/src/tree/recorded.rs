//! Reading what a dead owner recorded of a tree.

use std::io;

use backstop_os::process;

use super::recipe::TreeRecipe;
use crate::reclaim::{Judgement, Orphan};

/// The recipe, if it is valid here.
pub(super) fn readable(
    orphan: &Orphan<'_>,
    here: &io::Result<u64>,
) -> Result<TreeRecipe, Judgement> {
    if !orphan.is_of_this_boot() {
        let boot = orphan.owner.process.boot;
        return Err(Judgement::gone(format!(
            "its owner died in another boot, {boot}: no process and no cgroup outlived that"
        )));
    }
    let recipe = orphan
        .read_recipe()
        .map_err(|error| Judgement::keep(error.chain()))?;
    let here = here.as_ref().map_err(|error| {
        Judgement::keep(format!(
            "this process cannot read the process table: {error}"
        ))
    })?;
    let there = orphan.owner.process.pid_namespace;
    if *here == there {
        Ok(recipe)
    } else {
        Err(Judgement::keep(format!(
            "recorded in pid namespace {there}, this is {here}: its PIDs are invalid here"
        )))
    }
}

/// Which pid namespace this is, where the process table can be read.
pub(super) fn pid_namespace() -> io::Result<u64> {
    process::identity_of_self().map(|identity| identity.pid_namespace)
}
