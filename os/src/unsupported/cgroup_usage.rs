//! The memory of a cgroup.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use crate::machine_figures::GroupUsage;

/// There are no cgroups on this system.
#[derive(Debug)]
pub struct CgroupUsage(Infallible);

impl CgroupUsage {
    /// # Errors
    /// Always: there are no cgroups on this system.
    pub fn of(_pid: i32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Always: there are no cgroups on this system.
    pub fn at(_directory: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Never called.
    pub fn read(&self) -> io::Result<GroupUsage> {
        match self.0 {}
    }
}
