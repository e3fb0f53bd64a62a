//! Reads the identity of a process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

use super::pinned::PinnedProcess;
use super::{clock, process_table, procfs};
use crate::identity::{BootId, ExecutableIdentity, ProcessIdentity};

/// `PID_FS_MAGIC` of the kernel's `magic.h`: before it pidfds were anonymous and shared one inode.
const PIDFS: u64 = 0x5049_4446;

/// The identity of this process.
///
/// # Errors
/// As [`identity_of`].
pub fn identity_of_self() -> io::Result<ProcessIdentity> {
    identity_of(rustix::process::getpid().as_raw_nonzero().get())
}

/// The identity of the process that has this PID now.
///
/// # Errors
/// No process has this PID, it is a thread's, or `/proc` is hidden or of another pid namespace.
pub fn identity_of(pid: i32) -> io::Result<ProcessIdentity> {
    PinnedProcess::pin(pid)?.identity()
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use backstop_suites::{Suite, skip};

    #[test]
    fn the_own_identity_does_not_change() {
        let identity = identity_of_self().unwrap();
        assert_eq!(identity, identity_of_self().unwrap());
        assert_eq!(identity.pid, std::process::id() as i32);
        assert!(identity.executable.is_some());
        assert!(identity.start_ticks > 0);
    }

    #[test]
    fn two_processes_differ_in_more_than_their_pids() {
        let mut children = [(); 2].map(|()| {
            std::process::Command::new("sleep")
                .arg("60")
                .spawn()
                .unwrap()
        });
        let [one, two] = children
            .each_ref()
            .map(|child| identity_of(child.id() as i32).unwrap());
        if one.pidfs_inode.is_some() {
            assert_ne!(one.pidfs_inode, two.pidfs_inode);
        } else {
            skip(Suite::Pidfs, "this kernel has no pidfs");
        }
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
