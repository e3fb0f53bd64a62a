//! The inputs and results of the file modules: plain values, the same on every system.

mod limits;
mod lock_attempt;
mod removal;
mod removal_refusal;
mod skipped;
mod stat;
mod survey;

pub use limits::{Owners, Signs, WalkLimits};
pub use lock_attempt::LockAttempt;
pub use removal::{Remains, Removal};
pub use removal_refusal::{Left, RemovalRefusal};
pub use skipped::{SkipReason, Skipped, SkippedList};
pub use stat::{DirectoryEntry, FileKind, OpenMode, Stat};
pub use survey::{Newest, Survey};
