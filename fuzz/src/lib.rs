//! What the fuzzer throws bytes at, one module a target. Each takes any bytes and returns; a panic,
//! a hang or memory without end is the finding.
//!
//! The ordinary tests include this file and replay the seeds (`cli/tests/fuzz_seeds.rs`).

pub mod ledger;

pub mod config;
pub mod history;
pub mod receipt;
pub mod recipe;

use std::path::Path;

use backstop_core::ledger::{Entry, OwnerRecord};
use backstop_core::reclaim::{Judgement, Orphan, Reclaimer};

/// The reclaimers of every family, as the command has them.
fn reclaimers() -> [Box<dyn Reclaimer>; 2] {
    [
        Box::new(backstop_core::tree::TreeReclaimer),
        Box::new(backstop_tempfs::reclaimer()),
    ]
}

/// Has whoever knows the kind judge the entry, as a rehearsal does: looking at what it names, touching
/// nothing.
fn judge(owner: &OwnerRecord, entry: &Entry) -> Option<Judgement> {
    let orphan = Orphan {
        ledger: Path::new("fuzz.ledger"),
        owner,
        entry,
    };
    let knows = |reclaimer: &dyn Reclaimer| {
        let mut kinds = reclaimer.kinds().iter();
        // A tree's recipe is told by its form, which the bytes need not have.
        let is_tree = entry.kind.starts_with("process.") && !reclaimer.forms().is_empty();
        is_tree || kinds.any(|kind| kind.name() == entry.kind)
    };
    let reclaimers = reclaimers();
    let knowing = reclaimers
        .iter()
        .find(|reclaimer| knows(reclaimer.as_ref()))?;
    Some(knowing.judge(&orphan))
}
