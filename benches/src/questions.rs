//! One file for each question of DESIGN §9.

mod orphan_sweep;
mod run_true;
mod track_and_release;

use crate::answer::Answer;
use crate::measure::Effort;

/// A question that can be asked by name.
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) ask: fn(Effort) -> anyhow::Result<Vec<Answer>>,
}

/// All of them, in the order of the table.
pub(crate) const ALL: &[Question] = &[
    Question {
        name: track_and_release::NAME,
        ask: track_and_release::ask,
    },
    Question {
        name: orphan_sweep::NAME,
        ask: orphan_sweep::ask,
    },
    Question {
        name: run_true::NAME,
        ask: run_true::ask,
    },
];
