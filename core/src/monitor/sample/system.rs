//! The machine, and the cgroup that limits this process.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::resource::Bytes;

/// The figures of the machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SystemSample {
    /// Total memory.
    pub memory_total: Bytes,
    /// Memory that a program could use without swapping.
    pub memory_available: Bytes,
    /// Total swap.
    pub swap_total: Bytes,
    /// Free swap.
    pub swap_free: Bytes,
    /// How long tasks were stalled by memory, processors and disks. `None` where the kernel does
    /// not record it (PSI).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pressure: Option<Pressure>,
    /// The cgroup of the process, and its limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<CgroupSample>,
    /// The disk of the temp directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskSample>,
}

/// The share of the last ten seconds during which tasks were stalled, in percent, from 0 to 100
/// (PSI's `some avg10`; `full` is the share during which all tasks were).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// Some tasks waited for memory.
    pub memory_some: f64,
    /// All tasks waited for memory.
    pub memory_full: f64,
    /// Some tasks waited for a processor.
    pub cpu_some: f64,
    /// Some tasks waited for a disk.
    pub io_some: f64,
}

/// A cgroup's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupSample {
    /// Memory in use by its processes and their cached files.
    pub memory: Bytes,
    /// The lowest limit of the cgroup and its ancestors; `None` if there is no limit.
    pub limit: Option<Bytes>,
}

/// A disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSample {
    /// A directory on it.
    pub path: PathBuf,
    /// Its size.
    pub total: Bytes,
    /// Space that an ordinary user can still write.
    pub available: Bytes,
}

impl SystemSample {
    /// The share of the machine's memory that is in use, from 0 to 1.
    #[must_use]
    pub fn memory_share(&self) -> f64 {
        if self.memory_total.0 == 0 {
            return 0.0;
        }
        1.0 - self.memory_available.0 as f64 / self.memory_total.0 as f64
    }

    /// The maximum memory of the process: its cgroup's limit, or the machine's memory.
    #[must_use]
    pub fn memory_ceiling(&self) -> Bytes {
        let limit = self.cgroup.and_then(|cgroup| cgroup.limit);
        limit.map_or(self.memory_total, |limit| limit.min(self.memory_total))
    }
}
