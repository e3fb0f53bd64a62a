//! When to release a resource, in which order, and with which deadlines and retries.
//!
//! Takes facts about a resource and a time; returns a verdict with a reason. Pure values: this
//! module does not wait, read a clock or release anything.

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
