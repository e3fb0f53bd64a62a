//! One file for each question; the answers are in `docs/BENCHMARKS.md`.

mod track_and_release;
pub(crate) mod two_threads;

mod read_from_outside;

mod pool_checkout;

pub(crate) mod tree_of_400;

pub(crate) mod owner_killed;

pub(crate) mod orphan_sweep;

mod run_true;

mod sample_self;

mod sample_all;

pub(crate) mod five_processes;

use crate::answer::Answer;
use crate::measure::Effort;

/// A question that can be asked by name.
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) ask: fn(Effort) -> anyhow::Result<Vec<Answer>>,
}

macro_rules! questions {
    ($($module:ident),*) => {
        &[$(Question { name: $module::NAME, ask: $module::ask }),*]
    };
}

/// All of them, in the order of the table.
pub(crate) const ALL: &[Question] = questions![
    track_and_release,
    two_threads,
    read_from_outside,
    pool_checkout,
    tree_of_400,
    owner_killed,
    orphan_sweep,
    run_true,
    sample_self,
    sample_all,
    five_processes
];
