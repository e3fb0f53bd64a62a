//! The library part, with real processes and threads.

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
