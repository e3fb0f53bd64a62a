//! Samples all processes.

use crate::error::{Error, Stage};
use backstop_os::usage::UsageRow;
use backstop_os::usage_table::UsageTable;

/// Samples all processes, into buffers that are kept and without keeping processes' files open.
#[derive(Debug)]
pub struct TableSampler(UsageTable);

impl TableSampler {
    /// Opens the process table.
    ///
    /// # Errors
    /// The system has none, or it is hidden.
    pub fn new() -> Result<Self, Error> {
        UsageTable::open().map(Self).map_err(failed)
    }

    /// All processes visible to this one, in ascending order of PID. Those that end in the meantime
    /// are left out.
    ///
    /// # Errors
    /// The table cannot be listed.
    pub fn sample(&mut self) -> Result<&[UsageRow], Error> {
        self.0.read().map_err(failed)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::io(Stage::Open, "the process table cannot be read", error)
}
