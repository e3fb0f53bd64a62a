//! Whether orphans beneath this process become its children.

use std::io;

use rustix::process::{child_subreaper, set_child_subreaper};

use crate::adopt::Adopt;

/// Whether orphaned descendants become children of this process.
///
/// # Errors
/// The kernel has no subreapers (before Linux 3.4).
pub fn is_subreaper() -> io::Result<bool> {
    Ok(child_subreaper()?.is_some())
}

/// Has orphaned descendants become children of this process, or no longer.
///
/// It holds for the whole process, other libraries' descendants included, is not inherited by
/// children and does not reach orphans that are elsewhere already.
///
/// # Errors
/// As [`is_subreaper`].
pub fn set_subreaper(adopt: Adopt) -> io::Result<()> {
    // Any number but 0 turns it on; the interface asks for a process number and ignores which.
    let on = (adopt == Adopt::Orphans).then(rustix::process::getpid);
    Ok(set_child_subreaper(on)?)
}
