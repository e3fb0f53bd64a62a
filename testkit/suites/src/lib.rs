//! The parts of the tests that a machine can lack something for, and how a test reports that it was
//! skipped: by [`skip`], with a [`Suite`], never by returning early.
//!
//! `cargo xtask test --deny-skips` fails when a suite was skipped whose [`Suite::may_be_skipped`] has no
//! reason.

mod suite;

mod skip;

pub use skip::{SKIP_LOG, SKIPPED, skip};
pub use suite::Suite;
