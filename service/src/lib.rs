//! What tells people about a program's resources, and acts on it: alerts, remedies, the history, reports,
//! settings, schedules; and [`Service`], which starts all of it by one call.
//!
//! Takes what the monitor of `backstop-core` observes; returns alerts, remedies' records, day files and
//! reports. Each module imports only from earlier ones.

#[cfg(feature = "heap-profile")]
pub mod heap_profile;

pub mod alert;

pub mod history;

pub mod report;

pub mod schedule;

pub mod config;

mod service;

pub use service::{ReloadOnHangup, Service, ServiceBuilder};
