//! Samples the machine.

use std::path::PathBuf;

use crate::error::{Error, Stage};
use crate::monitor::sample::{CgroupSample, DiskSample, Pressure, SystemSample};
use crate::resource::Bytes;
use backstop_os::cgroup_usage::CgroupUsage;
use backstop_os::machine_usage::{self, MachineUsage};

/// Samples the machine, and the cgroup of one process.
#[derive(Debug)]
pub struct SystemSampler {
    machine: MachineUsage,
    cgroup: Option<CgroupUsage>,
    disk: PathBuf,
}

impl SystemSampler {
    /// With the cgroup of this process.
    ///
    /// # Errors
    /// The system does not report its memory, or no file descriptor is available.
    pub fn new() -> Result<Self, Error> {
        Self::of(i32::try_from(std::process::id()).unwrap_or(0))
    }

    /// With the cgroup of the process that has this PID now.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of(pid: i32) -> Result<Self, Error> {
        Self::with(CgroupUsage::of(pid).ok())
    }

    /// With the cgroup at this directory.
    ///
    /// # Errors
    /// As [`new`](Self::new); or the cgroup's memory is not counted.
    pub fn of_cgroup(directory: &std::path::Path) -> Result<Self, Error> {
        let group = CgroupUsage::at(directory).map_err(|error| {
            Error::io(Stage::Open, "the cgroup cannot be watched", error)
                .with("path", directory.display())
        })?;
        Self::with(Some(group))
    }

    fn with(cgroup: Option<CgroupUsage>) -> Result<Self, Error> {
        let machine = MachineUsage::open().map_err(|error| {
            Error::io(Stage::Open, "the machine's memory cannot be read", error)
        })?;
        Ok(Self {
            machine,
            cgroup,
            disk: std::env::temp_dir(),
        })
    }

    /// Takes a sample; `None` if the machine's memory cannot be read.
    pub fn sample(&mut self) -> Option<SystemSample> {
        let memory = self.machine.memory().ok()?;
        let pressure = self.machine.pressure().map(|pressure| Pressure {
            memory_some: pressure.memory_some,
            memory_full: pressure.memory_full,
            cpu_some: pressure.cpu_some,
            io_some: pressure.io_some,
        });
        let cgroup = self.cgroup.as_ref().and_then(|group| group.read().ok());
        let disk = machine_usage::disk(&self.disk).ok();
        Some(SystemSample {
            memory_total: Bytes(memory.total),
            memory_available: Bytes(memory.available),
            swap_total: Bytes(memory.swap_total),
            swap_free: Bytes(memory.swap_free),
            pressure,
            cgroup: cgroup.map(|group| CgroupSample {
                memory: Bytes(group.memory),
                limit: group.limit.map(Bytes),
            }),
            disk: disk.map(|disk| DiskSample {
                path: self.disk.clone(),
                total: Bytes(disk.total),
                available: Bytes(disk.available),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_seen_with_its_disk() {
        let sample = SystemSampler::new().unwrap().sample().unwrap();
        assert!((0.0..=1.0).contains(&sample.memory_share()));
        assert!(sample.memory_ceiling() <= sample.memory_total);
        assert!(sample.disk.unwrap().total.0 > 0);
    }

    #[test]
    fn a_group_that_is_none_is_an_error() {
        assert!(SystemSampler::of_cgroup(std::path::Path::new("/tmp")).is_err());
    }
}
