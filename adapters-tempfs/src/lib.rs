//! Temp files and directories, tracked file handles, atomic writes, quotas and orphan rules.
//!
//! Every entry is recorded in the ledger before it exists and carries a random name. It is removed by
//! this process when the guard is dropped, or by the next sweep after the process was killed. Creation,
//! removal and reclaiming are implemented in core: see [`backstop_core::place`].
//!
//! - [`temp_dir`], [`temp_file`], [`TempOptions`]: temp directories and files behind guards;
//! - [`AtomicOptions`]: files that are replaced atomically;
//! - [`open_file`], [`HandleLimit`]: tracked open files, and a limit for them;
//! - [`quota`]: a byte limit for a group of temp files;
//! - [`orphans`]: leftovers of programs that do not use this library.
//!
//! # Examples
//! ```
//! use std::io::Write;
//!
//! let directory = backstop_tempfs::temp_dir()?;
//! std::fs::write(directory.path().join("part"), "some data")?;
//!
//! let file = backstop_tempfs::temp_file()?;
//! file.access().write_all(b"a row\n")?;
//!
//! assert!(directory.release().outcome.is_released());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod resource;

mod handle_limit;
pub mod orphans;
pub mod quota;

mod error;

pub use backstop_core::place::{DEFAULT_BASE_VARIABLE, ROOT};
pub use config::{AtomicOptions, TempOptions};
pub use handle_limit::{HandleLimit, HandlePermit, Holder};
pub use resource::{
    AtomicFile, FileHandle, LimitedAccess, TempDir, TempFile, open_file, temp_dir, temp_file,
};

use backstop_core::resource::Kind;

/// A temp directory.
pub const DIRECTORY: Kind = Kind::new("tempfs.dir");
/// A temp file.
pub const FILE: Kind = Kind::new("tempfs.file");
/// An open file that is not a temp file.
pub const HANDLE: Kind = Kind::new("tempfs.handle");
/// The unfinished content of an atomic write.
pub const PARTIAL: Kind = Kind::new("tempfs.partial");
