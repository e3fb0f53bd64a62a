//! Whether orphaned descendants become children of this process.

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

/// Makes orphaned descendants become children of this process, or ends that.
///
/// It applies to the whole process, including descendants started by other libraries; it is not
/// inherited by children, and does not affect orphans that were adopted elsewhere before.
///
/// # Errors
/// As [`is_subreaper`].
pub fn set_subreaper(adopt: Adopt) -> io::Result<()> {
    // Any value but 0 turns it on; the interface takes a PID and ignores which.
    let on = (adopt == Adopt::Orphans).then(rustix::process::getpid);
    Ok(set_child_subreaper(on)?)
}
