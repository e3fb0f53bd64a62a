//! What was made, each behind its guard.
//!
//! What consumes a guard, such as keeping a directory or committing a file, is an associated function
//! that takes the guard: `TempDir::keep(directory)`.

mod access;
mod atomic_file;
mod file_handle;
mod temp_dir;
mod temp_file;

pub use access::Access;
pub(crate) use access::LimitedFile;
pub use atomic_file::AtomicFile;
pub use file_handle::{FileHandle, open_file};
pub use temp_dir::{TempDir, temp_dir};
pub use temp_file::{TempFile, temp_file};
