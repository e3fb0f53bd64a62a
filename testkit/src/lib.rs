//! Test tools for adapters: the conformance suite, scripted resources, attackers, kill points.
//!
//! An adapter's `tests/conformance.rs` is one call of [`conformance::check`]. Tests that depend on time
//! use core's manual clock, [`Clock::manual`](backstop_core::release::Clock::manual).
//!
//! # Examples
//! A resource that follows a script, and a record of its calls:
//! ```
//! use backstop_core::release::{Backstop, Tracking};
//! use backstop_testkit::scripted::{Script, Scripted};
//!
//! let (resource, remote) = Scripted::following("a resource", Script::default());
//! let backstop = Backstop::builder().tracking(Tracking::Off).start();
//! let guard = backstop.track(resource);
//! assert!(guard.release().outcome.is_released());
//! assert_eq!(remote.releases(), 1);
//! ```

pub mod conformance;

pub mod attackers;
pub mod dice;
mod forged_ledger;
pub mod kill_points;
pub mod role;
mod rounds;
pub mod scripted;
pub mod subjects;

pub use backstop_suites::{SKIP_LOG, Suite, skip};
pub use forged_ledger::ForgedLedger;
pub use rounds::{ROUNDS, rounds};
