//! Child processes and whole trees, worker threads, timers and servers, on backstop-core; and the
//! machinery of `backstop run`.
//!
//! - [`ChildProcess`]: a child with everything that it started; [`Finished`] for one run to its end.
//! - [`Server`]: a child that is monitored and restarted. [`ProcessWorker`]: a child that answers
//!   requests and can be killed.
//! - [`Worker`], [`WorkerQueue`], [`Timer`]: threads that stop on request; one that does not is reported.
//! - `Task`, with the feature `tokio`: async tasks.
//! - Core's [`TreeReclaimer`](backstop_core::tree::TreeReclaimer) terminates the trees of an owner that
//!   was killed. Threads, timers and tasks ended with it.
//! - [`Overview`]: which of these are open, and how the last ones were released.
//!
//! How descendants are tracked depends on the machine: each child returns its [`Containment`], which
//! documents what it does not reach.
//!
//! # Examples
//! ```
//! use std::process::Command;
//! use backstop_process::ChildProcess;
//!
//! // A shell that leaves a background process behind.
//! let mut command = Command::new("sh");
//! command.args(["-c", "sleep 60 & exec sleep 60"]);
//! let child = ChildProcess::builder(command).spawn()?;
//! // Both sleeps are gone when this returns.
//! assert!(child.release().outcome.is_released());
//! # Ok::<(), backstop_core::error::Error>(())
//! ```

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
pub use server::{HealthCheck, Server, ServerBuilder, ServerEvent, ServerState, ServerStatistics};
#[cfg(feature = "tokio")]
pub use task::{Task, TaskEnd, TaskToken, spawn_task};
pub use thread::{StopToken, ThreadEnd, ThreadView, orphaned, workers};
pub use timer::{Timer, TimerView, timers};
pub use worker::{Worker, worker};
