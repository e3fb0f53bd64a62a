//! The library part, with real processes and threads.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod scene;

mod child;
mod killed_owner;
mod output;
mod overview;
mod process_worker;
mod queue;
mod server;
mod task;
mod timer;
mod tree;
mod worker;
