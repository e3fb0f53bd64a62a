//! What every adapter is tested with: the conformance suite, scripted resources, attackers, a manual clock, kill points.
//!
//! An adapter's `tests/conformance.rs` is one call of [`conformance::check`]. Time is an input too: a
//! test passes [`Clock::manual`](backstop_core::release::Clock::manual) of core and moves its hand.

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
