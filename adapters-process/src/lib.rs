//! Child processes and whole trees, worker threads, timers and servers, on backstop-core; and the
//! machinery of `backstop run`.
//!
//! - [`ChildProcess`]: a child with everything that it started; [`Finished`] for one run to its end.
//! - [`Server`]: a child that is watched and started again. [`ProcessWorker`]: one that answers
//!   requests and can be killed.
//! - [`Worker`], [`WorkerQueue`], [`Timer`]: threads that stop when told, or are named.
//! - `Task`, with the feature `tokio`: async tasks.
//! - Core's [`TreeReclaimer`](backstop_core::tree::TreeReclaimer) takes down the trees of an owner that was
//!   killed. Threads, timers and tasks died with it.
//! - [`Overview`]: what of all this there is, and what became of the rest.
//!
//! How the tree of a child is held together depends on the machine; each child says by its
//! [`Containment`] how, and what that does not reach.

pub mod config;
mod resource;

mod builder;
mod output;
mod run_time;

mod finished;

mod process_worker;
mod server;

mod queue;
mod thread;
mod timer;
mod worker;

#[cfg(feature = "tokio")]
mod task;

mod error;
mod overview;

pub mod run;

pub use backstop_core::tree::{Containment, Member};
pub use builder::ChildBuilder;
pub use config::{CaptureLimits, RestartLimit};
pub use finished::Finished;
pub use output::{Captured, Stream};
pub use overview::{Overview, PastRelease};
pub use process_worker::{ProcessWorker, enter_worker, serve};
pub use queue::{PushError, QueueStatistics, Stopped, WorkerQueue};
pub use resource::ChildProcess;
pub use server::{Health, Server, ServerBuilder, ServerEvent, ServerState, ServerStatistics};
#[cfg(feature = "tokio")]
pub use task::{Task, TaskEnd, TaskToken, spawn_task};
pub use thread::{StopToken, ThreadEnd, ThreadView, orphaned, workers};
pub use timer::{Timer, TimerView, timers};
pub use worker::{Worker, worker};
