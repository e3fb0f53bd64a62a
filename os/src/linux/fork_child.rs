//! Forks a process that has one thread, and exits without cleanup.
#![expect(unsafe_code, reason = "fork and _exit have no safe form")]

use std::io;

use super::process_table;
use crate::forked::Forked;

/// Creates a copy of this process that continues from here.
///
/// Only for a process with one thread: in the copy of a multithreaded one, every lock that another
/// thread held stays locked for ever. The supervisor of `run` forks before it starts any thread.
///
/// # Errors
/// This process has more than one thread (`Unsupported`), `/proc` is hidden so that the number of
/// threads is unknown, or the kernel cannot create another process.
pub fn fork_child() -> io::Result<Forked> {
    require_one_thread()?;
    // SAFETY: this process has one thread, this one, and no other can start one; so the child's
    // copy of all memory, locks included, is consistent.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent { child }),
    }
}

/// Refuses in a process with several threads: in its copy, a lock that another thread held stays
/// locked.
pub(super) fn require_one_thread() -> io::Result<()> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let threads = process_table::stat(own)
        .map_err(|error| {
            let message =
                format!("cannot read the number of threads of this process from /proc: {error}");
            io::Error::new(error.kind(), message)
        })?
        .threads;
    if threads != 1 {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("a process with {threads} threads cannot be forked safely"),
        ));
    }
    Ok(())
}

/// Exits this process immediately: nothing is dropped or flushed, and no exit handler runs.
///
/// For a forked child, whose buffers and guards are its parent's.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes no memory and does not return.
    unsafe { libc::_exit(code) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pinned::PinnedProcess;
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::time::Duration;

    #[test]
    fn a_multithreaded_process_is_not_forked() {
        let stop = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| stop.wait());
            assert_eq!(fork_child().unwrap_err().kind(), io::ErrorKind::Unsupported);
            stop.wait();
        });
    }

    /// Runs in the single thread of a just forked process.
    fn fork_once_more() -> io::Result<()> {
        let child = match fork_child()? {
            Forked::Child => exit_now(7),
            Forked::Parent { child } => PinnedProcess::pin(child)?,
        };
        let has_exited = child.wait_exit(Duration::from_secs(10))?;
        let code = child.reap().and_then(|status| status.code());
        if has_exited && code == Some(7) {
            Ok(())
        } else {
            Err(io::ErrorKind::Other.into())
        }
    }

    #[test]
    fn a_process_with_one_thread_is_forked_and_its_child_ends_at_once() {
        let mut command = Command::new("true");
        // SAFETY: the standard library forks with the C library's fork, which keeps its allocator
        // usable in the child; nothing else that is guarded by a lock is touched.
        unsafe { command.pre_exec(fork_once_more) };
        assert!(command.status().unwrap().success());
    }
}
