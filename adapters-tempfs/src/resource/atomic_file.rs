//! Files that are replaced atomically.

use crate::HandlePermit;

/// The new content of a file, under a separate name next to it until it is committed. Created by
/// [`AtomicOptions::create`](crate::AtomicOptions::create), and counted against a
/// [`HandleLimit`](crate::HandleLimit) while it is open. Its guarantees are those of core's
/// [`AtomicFile`](backstop_core::place::AtomicFile).
///
/// # Examples
/// ```
/// use std::io::Write;
/// use backstop_tempfs::{AtomicFile, AtomicOptions, temp_dir};
///
/// let directory = temp_dir()?;
/// let target = directory.path().join("table.parquet");
/// let file = AtomicOptions::new().create(&target)?;
/// file.access().write_all(b"PAR1")?;
/// assert!(!target.exists());
/// AtomicFile::commit(file)?;
/// assert_eq!(std::fs::read(&target)?, b"PAR1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type AtomicFile = backstop_core::place::AtomicFile<HandlePermit>;
