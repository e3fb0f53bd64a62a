//! What was made, each behind its guard.
//!
//! What consumes a guard, such as keeping a directory or committing a file, is an associated function
//! that takes the guard: `TempDir::keep(directory)`.

mod atomic_file;
mod file_handle;
mod held_file;
mod temp_dir;
mod temp_file;

pub use atomic_file::{AtomicFile, AtomicOptions};
pub use file_handle::{FileHandle, open_file};
pub use held_file::Access;
pub(crate) use held_file::HeldFile;
pub use temp_dir::{TempDir, temp_dir};
pub use temp_file::{TempFile, temp_file};
