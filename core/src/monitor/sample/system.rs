//! The machine, and the control group that bounds this process on it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::resource::Bytes;

/// What the machine has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SystemSample {
    /// Memory in all.
    pub memory_total: Bytes,
    /// Memory that a program could have without swapping.
    pub memory_available: Bytes,
    /// Swap in all.
    pub swap_total: Bytes,
    /// Swap that is free.
    pub swap_free: Bytes,
    /// How long programs waited for memory, processors and disks. `None` where the kernel keeps no
    /// account (PSI).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pressure: Option<Pressure>,
    /// The control group of the process, and its limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<CgroupSample>,
    /// The disk with the temp directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskSample>,
}

/// The share of the last ten seconds in which somebody waited, in percent, from 0 to 100 (PSI's
/// `some avg10`; `full` is the share in which everybody did).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// For memory.
    pub memory_some: f64,
    /// For memory, everybody.
    pub memory_full: f64,
    /// For a processor.
    pub cpu_some: f64,
    /// For a disk.
    pub io_some: f64,
}

/// A control group's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupSample {
    /// What its processes and their files in memory take.
    pub memory: Bytes,
    /// The least limit of the group and those above it; `None` is no limit.
    pub limit: Option<Bytes>,
}

/// A disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSample {
    /// A directory on it.
    pub path: PathBuf,
    /// Its size.
    pub total: Bytes,
    /// What an ordinary user can still write.
    pub available: Bytes,
}

impl SystemSample {
    /// The share of the machine's memory that is taken, from 0 to 1.
    #[must_use]
    pub fn memory_share(&self) -> f64 {
        if self.memory_total.0 == 0 {
            return 0.0;
        }
        1.0 - self.memory_available.0 as f64 / self.memory_total.0 as f64
    }

    /// The memory that the process can have at most: its control group's limit, or the machine's.
    #[must_use]
    pub fn memory_ceiling(&self) -> Bytes {
        let limit = self.cgroup.and_then(|cgroup| cgroup.limit);
        limit.map_or(self.memory_total, |limit| limit.min(self.memory_total))
    }
}
