//! Memory, pressure and disk usage of the machine, read with the sysinfo library.

use std::io;
use std::path::Path;

use sysinfo::System;

use crate::machine_figures::{DiskUsage, MemoryUsage, PressureUsage};

/// Reads the machine's figures.
#[derive(Debug)]
pub struct MachineUsage(System);

impl MachineUsage {
    /// Opens it.
    ///
    /// # Errors
    /// The library does not know this system.
    pub fn open() -> io::Result<Self> {
        super::own_usage::system().map(Self)
    }

    /// The machine's memory.
    ///
    /// # Errors
    /// Never on this system.
    pub fn memory(&mut self) -> io::Result<MemoryUsage> {
        self.0.refresh_memory();
        Ok(MemoryUsage {
            total: self.0.total_memory(),
            available: self.0.available_memory(),
            swap_total: self.0.total_swap(),
            swap_free: self.0.free_swap(),
        })
    }

    /// `None`: not recorded on this system.
    #[must_use]
    pub fn pressure(&mut self) -> Option<PressureUsage> {
        None
    }
}

/// # Errors
/// Always: not known on this system.
pub fn disk(_path: &Path) -> io::Result<DiskUsage> {
    Err(io::ErrorKind::Unsupported.into())
}
