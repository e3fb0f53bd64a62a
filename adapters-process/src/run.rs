//! The machinery of `backstop run`: a command whose processes, ports and temp files are cleaned up when
//! it ends.
//!
//! Two processes guard each other. The *guardian* is what the user started: one thread, a subreaper,
//! waiting. The *supervisor* is its child, a subreaper too: it starts the command, applies the ladder
//! and writes the report. Each holds the other's pidfd, and whichever survives terminates the tree.

mod guardian;
mod supervisor;

mod ladder;
mod leftovers;
mod plan;
mod report;
mod report_builder;
mod setup;
mod supervision;

pub use backstop_core::tree::Containment;
pub use guardian::run;
pub use leftovers::LeftProcess;
pub use plan::{ContainmentChoice, Host, RunPlan, Scratch, StartedTree};
pub use report::{Ending, LeftFiles, RunReport};
