//! A child that keeps running with a copy of everything its parent has.
#![expect(
    unsafe_code,
    reason = "core forks only processes with one thread; a test has more"
)]

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use backstop_os::fork_child::exit_now;
use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;

/// Runs `body` in a forked child, waits for it, and returns its exit code; `None` if it
/// hung and was killed, or died by a signal.
///
/// `body` must not wait for another thread: the child has only the one that called. In a process of
/// which only the calling thread is working, as an [actor](crate::role), nothing else is amiss.
///
/// # Errors
/// The kernel has no room for another process.
pub fn in_forked_child(patience: Duration, body: impl FnOnce() -> u8) -> io::Result<Option<u8>> {
    // SAFETY: the C library's fork leaves its allocator usable in the child; libtest's other thread
    // waits for this one and holds no lock; the child leaves by _exit below, whatever `body` does.
    let child = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            // A panic must not unwind into what is the parent's.
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(101);
            exit_now(i32::from(code))
        }
        child => PinnedProcess::pin(child)?,
    };
    if !child.wait_exit(patience)? {
        let _ = child.signal(Signal::KILL)?;
        child.wait_exit(patience)?;
    }
    let code = child.reap().and_then(|status| status.code());
    Ok(code.and_then(|code| u8::try_from(code).ok()))
}
