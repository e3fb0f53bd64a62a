//! Scheduled clean-ups: once or repeatedly, named, listed, cancellable.
//!
//! Takes names, timings and closures; runs them, and counts missed runs.

mod agenda;
mod scheduler;
mod timing;

pub use agenda::{CleanupView, ScheduleTotals};
pub use scheduler::Scheduler;
pub use timing::{Timing, TimingError};
