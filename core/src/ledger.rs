//! The table of one process's live resources, in memory mapped from a file: the list of what is open,
//! the journal of a crash, and the window for observers at once.
//!
//! Takes descriptions of resources; gives a slot for each, in the states
//! `intent → live → closing → closed`, and readings of any process's ledger, and
//! keeps what its owner attaches to a slot. It releases nothing.
//!
//! The format is in [`layout`]: a header page, then segments of slots and segments of records. Memory
//! mapped from a file outlives a `SIGKILL` of the writer as a `write` does, at a small part of its
//! cost; what a power cut loses died with it.

mod owner;

pub mod layout;

mod attachments;
mod directory;
mod entry;
mod growth;
mod intern;
mod lease;
mod open_entry;
mod own_texts;
mod reading;
mod records;
mod region;
mod share;
mod slot;
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
