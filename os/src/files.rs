//! The inputs and results of the file modules: plain values, the same on every system.

mod limits;
mod lock_attempt;
mod removal;
mod removal_refusal;
mod skipped;
mod stat;
mod survey;

pub use limits::{Limits, Owners, Signs};
pub use lock_attempt::LockAttempt;
pub use removal::{Remains, Removal};
pub use removal_refusal::{Left, RemovalRefusal};
pub use skipped::{SkipReason, Skipped, SkippedList};
pub use stat::{Access, DirectoryEntry, FileKind, Stat};
pub use survey::{Newest, Survey};
