//! The behaviour that core promises of every tracked resource, once for all adapters.
//!
//! Takes a [`Subject`], which an adapter's test describes; runs each behaviour against real resources
//! and returns a [`ConformanceReport`], or panics with the name of the behaviour that failed.

mod subject;

mod behaviour;
mod drive;
mod fixture;
mod kill_matrix;
mod kinds;
mod ledger_record;
mod orphaned;
mod outside;
mod owner;
mod releasing;
mod report;

pub use drive::check;
pub use fixture::Fixture;
pub use kinds::kinds_of;
pub use report::ConformanceReport;
pub use subject::{Hold, Subject};
