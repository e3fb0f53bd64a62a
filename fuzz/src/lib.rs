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
use backstop_core::place::EntryReclaimer;
use backstop_core::reclaim::{Judgement, Orphan, Reclaimer};
use backstop_core::resource::Recipe;

/// The reclaimers of every family, as the command has them.
fn reclaimers() -> [Box<dyn Reclaimer>; 2] {
    [
        Box::new(backstop_core::tree::TreeReclaimer),
        Box::new(EntryReclaimer),
    ]
}

/// Has the reclaimer judge the entry, as a rehearsal does: it inspects what the entry names, and touches
/// nothing.
fn judge_by(reclaimer: &dyn Reclaimer, owner: &OwnerRecord, entry: &Entry) -> Judgement {
    reclaimer.judge(&Orphan {
        ledger: Path::new("fuzz.ledger"),
        owner,
        entry,
    })
}

/// As [`judge_by`], by the one that knows the kind, else the recipe's form.
fn judge(owner: &OwnerRecord, entry: &Entry) -> Option<Judgement> {
    let knows = |reclaimer: &dyn Reclaimer| {
        let mut kinds = reclaimer.kinds().iter();
        kinds.any(|kind| kind.name() == entry.kind)
    };
    let form = entry.recipe.as_ref().and_then(Recipe::form);
    let knows_form = |reclaimer: &dyn Reclaimer| {
        let mut forms = reclaimer.forms().iter();
        forms.any(|known| Some(known.name()) == form.as_deref())
    };
    let reclaimers = reclaimers();
    let by_kind = reclaimers.iter().find(|one| knows(one.as_ref()));
    let by_form = || reclaimers.iter().find(|one| knows_form(one.as_ref()));
    let knowing = by_kind.or_else(by_form)?;
    Some(judge_by(knowing.as_ref(), owner, entry))
}
