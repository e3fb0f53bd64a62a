//! The inputs and results of the file modules: plain values, the same on every system.

mod limits;
mod lock_attempt;
mod refusal;
mod removal;
mod skipped;
mod stat;
mod survey;

pub use limits::{Limits, Owners, Signs};
pub use lock_attempt::LockAttempt;
pub use refusal::{Left, Refusal};
pub use removal::{Remains, Removal};
pub use skipped::{SkipReason, Skipped, SkippedList};
pub use stat::{Access, Entry, FileKind, Stat};
pub use survey::{Newest, Survey};
