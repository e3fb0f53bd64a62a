//! Reads the parts of a process's identity.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

use super::{clock, process_table, procfs};
use crate::identity::{BootId, ExecutableIdentity, ProcessIdentity};

/// `PID_FS_MAGIC` of the kernel's `magic.h`: before it pidfds were anonymous and shared one inode.
const PIDFS: u64 = 0x5049_4446;

/// Reads an identity; the caller proves afterwards that the PID was the pidfd's all the time.
pub(super) fn read_identity(pid: i32, pidfd: BorrowedFd<'_>) -> io::Result<ProcessIdentity> {
    procfs::require_own_namespace()?;
    Ok(ProcessIdentity {
        pid,
        pidfs_inode: pidfs_inode(pidfd)?,
        start_ticks: process_table::stat(pid)?.start_ticks,
        pid_namespace: pid_namespace()?,
        boot: boot()?,
        executable: executable(pid),
    })
}

/// The inode of a pidfd, where pidfs assigns each process its own.
pub(super) fn pidfs_inode(pidfd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    // The same for all pidfds of a running kernel.
    static HAS_PIDFS: OnceLock<bool> = OnceLock::new();
    let has_pidfs = match HAS_PIDFS.get() {
        Some(known) => *known,
        None => {
            let kind = rustix::fs::fstatfs(pidfd)?.f_type as u64;
            *HAS_PIDFS.get_or_init(|| kind == PIDFS)
        }
    };
    if !has_pidfs {
        return Ok(None);
    }
    Ok(Some(rustix::fs::fstat(pidfd.as_fd())?.st_ino))
}

/// The program that a process executes; `None` for a kernel thread, an exited process, or one that
/// may not be inspected.
pub(super) fn executable(pid: i32) -> Option<ExecutableIdentity> {
    let (device, inode) = procfs::linked_file(&format!("/proc/{pid}/exe")).ok()?;
    Some(ExecutableIdentity { device, inode })
}

/// The current boot, read once.
pub(super) fn boot() -> io::Result<BootId> {
    static BOOT: OnceLock<BootId> = OnceLock::new();
    if let Some(boot) = BOOT.get() {
        return Ok(*boot);
    }
    let boot = clock::boot_id()?;
    Ok(*BOOT.get_or_init(|| boot))
}

/// The inode of this process's pid namespace, read once: a process cannot leave its own, only have
/// children in another.
pub(super) fn pid_namespace() -> io::Result<u64> {
    static NAMESPACE: OnceLock<u64> = OnceLock::new();
    if let Some(namespace) = NAMESPACE.get() {
        return Ok(*namespace);
    }
    let (_, namespace) = procfs::linked_file("/proc/self/ns/pid")?;
    Ok(*NAMESPACE.get_or_init(|| namespace))
}
