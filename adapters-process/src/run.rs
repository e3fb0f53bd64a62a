//! The machinery of `backstop run`: a command whose whole tree, files and ports go when it ends.
//!
//! Two processes guard each other. The *guardian* is what the user started: one thread, a subreaper,
//! waiting. The *supervisor* is its child, a subreaper too: it starts the command, applies the ladder
//! and makes the account. Each holds the other's pidfd, and whichever survives takes the tree down.

mod guardian;
mod supervisor;

mod account;
mod containment;
mod course;
mod ladder;
mod left_processes;
mod plan;
mod reclaim;
mod report;
mod setup;
mod tree;

pub use containment::{Containment, ContainmentChoice};
pub use guardian::run;
pub use left_processes::LeftProcess;
pub use plan::{Host, RunPlan, Scratch, StartedTree};
pub use reclaim::RunReclaimer;
pub use report::{Ending, LeftFiles, RunReport};
