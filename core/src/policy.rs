//! When a resource must go, in which order, how hard and for how long to try.
//!
//! Takes facts of a resource and a time; gives a verdict with a reason. Pure values: nothing here
//! waits, reads a clock or releases anything.

mod cleanup_policy;

mod backoff;
mod criticality;
mod facts;
mod order;
mod verdict;

pub use backoff::Backoff;
pub use cleanup_policy::CleanupPolicy;
pub use criticality::Criticality;
pub use facts::Facts;
pub use order::Order;
pub use verdict::{Reason, Verdict};
