//! Signals and kills whole trees of processes.

use std::io;
use std::process::ExitStatus;
use std::time::Instant;

use super::pinned::PinnedProcess;
use crate::cgroup::Cgroup;
use crate::identity::Cookie;
use crate::scan::Scan;
use crate::takedown::{Reap, Relative, Roots, Takedown};

/// # Errors
/// Always: trees of processes cannot be found on this system.
pub fn members(_roots: Roots<'_>, _except: &[i32]) -> io::Result<Scan<PinnedProcess>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: other processes' environments cannot be read on this system.
pub fn with_cookies(_cookies: &[Cookie]) -> io::Result<Scan<Relative>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: trees of processes cannot be found on this system.
pub fn kill_until_empty(
    _roots: Roots<'_>,
    _except: &[i32],
    _reap: Reap,
    _deadline: Instant,
) -> io::Result<Takedown> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: there are no cgroups on this system.
pub fn kill_at_once(_group: &Cgroup, _except: &[i32]) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// # Errors
/// Always: children cannot be found on this system.
pub fn reap_children(_except: &[i32]) -> io::Result<Vec<(i32, ExitStatus)>> {
    Err(io::ErrorKind::Unsupported.into())
}
