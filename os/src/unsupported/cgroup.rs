//! A cgroup around a tree of processes.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::cgroup_identity::CgroupIdentity;

/// A cgroup: there are none on this system.
#[derive(Debug)]
pub struct Cgroup(Infallible);

impl Cgroup {
    /// # Errors
    /// Always: this system has no cgroups.
    pub fn create(_name: &str) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Always: this system has no cgroups.
    pub fn path_for(_name: &str) -> io::Result<PathBuf> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Always: not supported on this system.
    pub fn open_path(_path: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Always: not supported on this system.
    pub fn open(_expected: &CgroupIdentity) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Never called.
    #[must_use]
    pub fn identity(&self) -> &CgroupIdentity {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn add(&self, _pid: i32) -> io::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn entrance(&self) -> io::Result<Entrance> {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn kill(&self) -> io::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn processes(&self) -> io::Result<Vec<i32>> {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn is_populated(&self) -> io::Result<bool> {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn wait_empty(&self, _deadline: Instant) -> io::Result<bool> {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn remove(&self) -> io::Result<()> {
        match self.0 {}
    }
}

/// The way into a cgroup: there are none on this system.
#[derive(Debug)]
pub struct Entrance(Infallible);

impl Entrance {
    /// # Errors
    /// Never called.
    pub fn enter(&self) -> io::Result<()> {
        match self.0 {}
    }

    /// Never called.
    pub fn close(&self) {
        match self.0 {}
    }
}

/// Whether the error only means that a cgroup no longer exists.
#[must_use]
pub fn is_removed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}
