//! The machinery of `backstop run`: a command whose whole tree, files and ports go when it ends.
//!
//! Two processes guard each other. The *guardian* is what the user started: one thread, a subreaper,
//! waiting. The *supervisor* is its child, a subreaper too: it starts the command, applies the ladder
//! and makes the account. Each holds the other's pidfd, and whichever survives takes the tree down.

mod guardian;
mod supervisor;

mod account;
mod course;
mod ladder;
mod left_processes;
mod plan;
mod report;
mod setup;

pub use backstop_core::tree::Containment;
pub use guardian::run;
pub use left_processes::LeftProcess;
pub use plan::{ContainmentChoice, Host, RunPlan, Scratch, StartedTree};
pub use report::{Ending, LeftFiles, RunReport};
