//! What nobody announced, judged by a rule: leftovers of programs that do not use this library.
//!
//! Takes an [`OrphanRule`]: where, which names, how old; gives an [`OrphanReport`] with a verdict for
//! each entry of such a name, and removes those of which nothing speaks against it.

mod rule;

mod environment;
mod report;
mod sweep;

pub use environment::{AGE_VARIABLE, PREFIX_VARIABLE};
pub use report::{OrphanEntry, OrphanReport, OrphanVerdict};
pub use rule::OrphanRule;
pub use sweep::Rehearsal;
