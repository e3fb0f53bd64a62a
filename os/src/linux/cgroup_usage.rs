//! The memory of a cgroup, and the lowest limit of its ancestors.

use std::io;
use std::path::{Path, PathBuf};

use super::cgroup_mount::{self, Version};
use super::procfs;
use crate::machine_figures::GroupUsage;

/// Reads a cgroup's memory. On hosts with both versions, the one with the memory controller is
/// read.
#[derive(Debug)]
pub struct CgroupUsage {
    /// From the cgroup up to the root of the mount.
    groups: Vec<PathBuf>,
    version: Version,
}

impl CgroupUsage {
    /// The cgroup of the process with this PID.
    ///
    /// # Errors
    /// Its cgroup does not count memory (`Unsupported`), or no process has this PID.
    pub fn of(pid: i32) -> io::Result<Self> {
        let process = pid.to_string();
        for version in [Version::Two, Version::One] {
            let Ok((directory, mount)) = cgroup_mount::directory(&process, version) else {
                continue;
            };
            if let Ok(found) = Self::upwards(&directory, version, |group| group.starts_with(&mount))
            {
                return Ok(found);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the process is in no cgroup whose memory is counted",
        ))
    }

    /// A v2 cgroup by its directory.
    ///
    /// # Errors
    /// Its memory is not counted, or it does not exist.
    pub fn at(directory: &Path) -> io::Result<Self> {
        Self::upwards(directory, Version::Two, |group| {
            group.join("cgroup.procs").exists()
        })
    }

    /// From a group upwards as far as there are groups.
    fn upwards(
        directory: &Path,
        version: Version,
        is_group: impl Fn(&Path) -> bool,
    ) -> io::Result<Self> {
        let groups = directory.ancestors().take_while(|path| is_group(path));
        let found = Self {
            groups: groups.map(Path::to_owned).collect(),
            version,
        };
        found.read()?;
        Ok(found)
    }

    /// Takes a reading.
    ///
    /// # Errors
    /// The cgroup is gone, or its memory is no longer counted.
    pub fn read(&self) -> io::Result<GroupUsage> {
        let (usage, limit) = match self.version {
            Version::Two => ("memory.current", "memory.max"),
            Version::One => ("memory.usage_in_bytes", "memory.limit_in_bytes"),
        };
        let own = self.groups.first().ok_or(io::ErrorKind::NotFound)?;
        // The root cgroup of version 2 has neither file: it is the machine.
        let memory = number(&own.join(usage))?.ok_or(io::ErrorKind::InvalidData)?;
        let limits = self.groups.iter();
        let limits = limits.filter_map(|group| number(&group.join(limit)).ok().flatten());
        Ok(GroupUsage {
            memory,
            limit: limits.filter(|limit| *limit < UNLIMITED).min(),
        })
    }
}

/// Version 1 represents "no limit" as the largest number of whole pages.
const UNLIMITED: u64 = 1 << 62;

/// The number in the file; `None` for `max`.
fn number(path: &Path) -> io::Result<Option<u64>> {
    let path = path.to_str().ok_or(io::ErrorKind::InvalidInput)?;
    let mut buffer = [0_u8; 64];
    Ok(procfs::first_number(procfs::read_once(path, &mut buffer)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_upwards_counts() {
        let place = tempfile::tempdir().unwrap();
        let inner = place.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        let set = |group: &str, limit: &str| {
            std::fs::write(place.path().join(group).join("memory.max"), limit).unwrap();
            std::fs::write(place.path().join(group).join("cgroup.procs"), "").unwrap();
        };
        set("a", "1000\n");
        set("a/b", "max\n");
        std::fs::write(inner.join("memory.current"), "600\n").unwrap();
        let group = CgroupUsage::at(&inner).unwrap();
        assert_eq!(
            group.read().unwrap(),
            GroupUsage {
                memory: 600,
                limit: Some(1000)
            }
        );
        set("a/b", "700\n");
        assert_eq!(group.read().unwrap().limit, Some(700));
        std::fs::remove_file(inner.join("memory.current")).unwrap();
        assert!(group.read().is_err());
    }

    #[test]
    fn the_own_group_is_found_where_memory_is_counted() {
        match CgroupUsage::of(std::process::id() as i32) {
            Ok(group) => assert!(group.read().unwrap().memory > 0),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::Unsupported),
        }
    }
}
