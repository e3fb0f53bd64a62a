//! Clean-ups at a time: once or again and again, named, listed, cancellable.
//!
//! Takes names, timings and closures; gives runs, and an account of those that were missed.

mod agenda;
mod scheduler;
mod timing;

pub use agenda::{CleanupView, ScheduleTotals};
pub use scheduler::Scheduler;
pub use timing::{Timing, TimingError};
