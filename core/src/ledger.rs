//! The table of one process's live resources, in memory mapped from a file: the list of what is
//! open, the journal that survives a crash, and the view for observers, all in one.
//!
//! Takes descriptions of resources; returns a slot for each, in the states `intent → live → closing
//! → closed`, and readings of any process's ledger. It also stores the objects that the owner
//! attaches to a slot. Releasing a resource is up to the modules above: closing an entry only frees
//! the entry's own space.
//!
//! The format is in [`layout`]: a header page, then segments of slots and segments of records.
//! Memory mapped from a file survives a `SIGKILL` of the writer as a `write` does, at a fraction of
//! its cost; what a power cut loses would have ended with it anyway.
//!
//! # Examples
//! ```
//! use backstop_core::ledger::{Ledger, LedgerOptions, LedgerReading};
//!
//! let directory = tempfile::tempdir()?;
//! let ledger = Ledger::create(&directory.path().join("ledgers"), &LedgerOptions::default())?;
//! let reading = LedgerReading::of_path(ledger.path().unwrap())?;
//! assert_eq!(reading.owner().process.pid, std::process::id() as i32);
//! assert!(reading.entries().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod owner;

pub mod layout;

mod attachments;
mod directory;
mod entering;
mod entry;
mod growth;
mod interned;
mod lease;
mod open_entry;
mod own_texts;
mod reading;
mod records;
mod region;
mod share;
mod slot;
mod thread_cache;
mod users;

pub use directory::{LedgerDirectory, default_directories};
pub use entry::{Entry, State};
pub use lease::{Lease, LeaseAttempt};
pub use open_entry::OpenEntry;
pub use owner::{Ledger, LedgerOptions, Medium};
pub use reading::{
    Damage, LedgerReading, OwnerRecord, ReadAll, SlotView, UnreadableLedger, ledger_of, read_all,
    read_directory,
};
pub use slot::SlotHandle;
pub use users::{Usage, User, Users};

pub(crate) use attachments::Attachments;
pub(crate) use open_entry::NewEntry;
pub(crate) use share::{Counted, Share};
