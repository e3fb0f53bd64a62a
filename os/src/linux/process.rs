//! The identity of a process, by its PID.

use std::io;

use super::pinned::PinnedProcess;
use crate::identity::ProcessIdentity;

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
