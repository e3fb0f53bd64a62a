//! The behaviour that core promises of every tracked resource, once for all adapters.
//!
//! Takes a [`Subject`], which an adapter's test describes; runs each behaviour against real resources
//! and returns a [`ConformanceReport`], or panics with the name of the behaviour that failed.

mod subject;

mod account;
mod behaviour;
mod drive;
mod kill_matrix;
mod orphaned;
mod outside;
mod owner;
mod releasing;
mod report;
mod stage;

pub use drive::check;
pub use report::ConformanceReport;
pub use stage::Stage;
pub use subject::Subject;
