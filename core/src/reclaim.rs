//! Releasing for a dead owner: who may, on what evidence, and what was done.
//!
//! Takes ledgers whose lease is free, and [`Reclaimer`]s of kinds and recipe forms; returns a
//! [`SweepReport`] that explains each verdict, and writes a receipt of each act. Without proof nothing is
//! touched.

mod sweep;

mod authority;
mod batch;
pub mod guardian;
mod judgement;
mod orphan;
mod receipt;
mod reclaimer;
mod report;
mod side_by_side;

pub use authority::Authority;
pub use judgement::Judgement;
pub use orphan::Orphan;
pub use receipt::{Receipt, Receipts};
pub use reclaimer::{Reclaimed, Reclaimer, Reclaimers};
pub use report::{LedgerFate, SweepItem, SweepReport, SweptLedger};
pub use side_by_side::side_by_side;
pub use sweep::Sweep;
