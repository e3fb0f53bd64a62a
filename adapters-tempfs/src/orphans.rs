//! Leftovers of programs that do not use this library, removed by a rule.
//!
//! An [`OrphanRule`] selects a directory, a name prefix and a minimum age. A sweep returns an
//! [`OrphanReport`] with a verdict for each matching entry, and removes those that show no sign of use.

mod rule;

mod environment;
mod report;
mod sweep;

pub use environment::{AGE_VARIABLE, PREFIX_VARIABLE};
pub use report::{OrphanEntry, OrphanReport, OrphanVerdict};
pub use rule::OrphanRule;
pub use sweep::SweepMode;
