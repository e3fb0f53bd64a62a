//! Temp files and directories, tracked file handles, atomic writes, quotas and orphan rules.
//!
//! Everything made here is announced in the ledger before it exists and carries a random name that
//! can be found again: by this process when the guard is dropped, and by anybody's sweep after it was
//! killed. The modules stand in the order of the data's way:
//!
//! - `config`: what is to be made and where;
//! - `resource`: what was made, behind its guard. Making it, removing it and reclaiming it for a dead owner
//!   is core's: see [`backstop_core::place`];
//! - [`quota`] and [`HandleLimit`]: how much of it there may be;
//! - [`orphans`]: what nobody announced, judged by a rule;
//! - `error`: the sentences in which all of this fails.
//!
//! # Examples
//! ```
//! use std::io::Write;
//!
//! let directory = backstop_tempfs::temp_dir()?;
//! std::fs::write(directory.path().join("part"), "of the work")?;
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
    Access, AtomicFile, FileHandle, TempDir, TempFile, open_file, temp_dir, temp_file,
};

use backstop_core::resource::Kind;

/// A temp directory.
pub const DIRECTORY: Kind = Kind::new("tempfs.dir");
/// A temp file.
pub const FILE: Kind = Kind::new("tempfs.file");
/// An open file that somebody else keeps.
pub const HANDLE: Kind = Kind::new("tempfs.handle");
/// The unfinished content of an atomic write.
pub const PARTIAL: Kind = Kind::new("tempfs.partial");
