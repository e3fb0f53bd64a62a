//! Looking at all processes.

use crate::error::{Error, Stage};
use backstop_os::usage::UsageRow;
use backstop_os::usage_table::UsageTable;

/// Looks at all processes, with memory that is kept and nothing opened for longer than it is read.
#[derive(Debug)]
pub struct TableSampler(UsageTable);

impl TableSampler {
    /// Opens the system's table of processes.
    ///
    /// # Errors
    /// The system has none, or it is hidden.
    pub fn new() -> Result<Self, Error> {
        UsageTable::open().map(Self).map_err(failed)
    }

    /// All processes that this one may see, rising by number. Those that end meanwhile are left out.
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
