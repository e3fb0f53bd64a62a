//! The tracked resources.
//!
//! Operations that consume a guard, such as keeping a directory or committing a file, are associated
//! functions that take the guard: `TempDir::keep(directory)`.

mod access;
mod atomic_file;
mod file_handle;
mod temp_dir;
mod temp_file;

pub use access::LimitedAccess;
pub(crate) use access::LimitedFile;
pub use atomic_file::AtomicFile;
pub use file_handle::{FileHandle, open_file};
pub use temp_dir::{TempDir, temp_dir};
pub use temp_file::{TempFile, temp_file};
