//! Alerts, remedies, histories, reports, schedules and settings for the resources that
//! `backstop-core` tracks; and [`Service`], which starts all of it with one call.
//!
//! Takes the observations of the monitor; returns alerts, records of remedies, day files and
//! reports. Each module imports only from earlier ones.
//!
//! # Examples
//! ```no_run
//! use backstop_service::Service;
//! use backstop_service::alert::Alert;
//! use backstop_service::config::Settings;
//!
//! let service = Service::builder()
//!     .sink("pager", |alert: &Alert| eprintln!("{alert}"))
//!     .start(Settings::from_environment()?)?;
//! # drop(service);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "heap-profile")]
pub mod heap_profile;

pub mod alert;

pub mod history;

pub mod report;

pub mod schedule;

pub mod config;

mod service;

pub use service::{ReloadOnHangup, Service, ServiceBuilder};
