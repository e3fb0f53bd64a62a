//! Files and directories that this process makes for itself, of any kind: leased, and atomic.
//!
//! Takes a [`Kind`](crate::resource::Kind), a prefix and a directory; returns guards of a
//! [`LeasedDirectory`], a [`LeasedFile`] or an [`AtomicFile`]. Each is written to the ledger before it
//! exists, with a recipe of the [form](crate::resource::Form) `entry/1`, which [`EntryReclaimer`]
//! understands whatever the kind: so any build of the command reclaims what any adapter left. By
//! default they are made in the process's one [`LeasedRoot`], which all adapters share.
//!
//! # Examples
//! ```
//! use backstop_core::place::PlaceOptions;
//! use backstop_core::resource::Kind;
//!
//! const SPILL: Kind = Kind::new("example.spill");
//!
//! let spill = PlaceOptions::new(SPILL).prefix("spill-").create_directory()?;
//! std::fs::write(spill.path().join("part-1"), "rows")?;
//! assert!(spill.release().outcome.is_released());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod options;

mod draft;
mod leased_directory;
mod leased_file;

mod atomic_options;

mod atomic_file;

mod held_file;
mod leased_entry;
mod root;

mod entry;
mod known_directory;
mod recipe;
mod removal;

mod reclaimer;

mod error;

pub use atomic_file::AtomicFile;
pub use atomic_options::AtomicOptions;
pub use draft::PlaceDraft;
pub use error::{incomplete, refused};
pub use held_file::{FileAccess, HeldFile};
pub use leased_directory::LeasedDirectory;
pub use leased_entry::LeasedEntry;
pub use leased_file::LeasedFile;
pub use options::PlaceOptions;
pub use recipe::{ENTRY_FORM, ROOT_FORM};
pub use reclaimer::{EntryReclaimer, remove_claimed};
#[doc(hidden)]
pub use root::RootDirectory;
pub use root::{DEFAULT_BASE_VARIABLE, LeasedRoot, ROOT};
