//! ProcessUsage of this process, read with the sysinfo library.

use std::io;

use sysinfo::System;

use super::usage_table::UsageTable;
use crate::usage::{ProcessUsage, UsageRow};

/// Reads the usage of this process.
#[derive(Debug)]
pub struct OwnUsage {
    table: UsageTable,
    highest: u64,
}

/// The library's state for this system.
pub(super) fn system() -> io::Result<System> {
    System::new().map_err(|error| io::Error::new(io::ErrorKind::Unsupported, error.to_string()))
}

impl OwnUsage {
    /// Opens it.
    ///
    /// # Errors
    /// The library does not know this system.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            table: UsageTable::open()?,
            highest: 0,
        })
    }

    /// Takes a reading.
    ///
    /// # Errors
    /// This process is not in the system's table.
    pub fn read(&mut self) -> io::Result<ProcessUsage> {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let row: UsageRow = *self
            .table
            .read_only(&[own])
            .first()
            .ok_or(io::ErrorKind::NotFound)?;
        self.highest = self.highest.max(row.resident);
        Ok(ProcessUsage {
            resident: row.resident,
            // The highest value read so far.
            peak: Some(self.highest),
            handles: None,
            threads: row.threads,
            cpu: row.cpu,
        })
    }

    /// # Errors
    /// Always: not known on this system.
    pub fn children(&self) -> io::Result<u32> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Not known on this system, hence no limit.
    #[must_use]
    pub fn handle_limit(&self) -> Option<u64> {
        None
    }
}
