//! A child that no handler of the C library has seen.
#![expect(
    unsafe_code,
    reason = "a fork past the C library's handlers is a raw system call"
)]

use std::io;

use backstop_os::pinned::PinnedProcess;

/// A child that was cloned without running the handlers which close leases in it, and only waits: it
/// keeps whatever its parent had open. It outlives its parent, and ends by itself after some minutes.
#[derive(Debug)]
#[must_use = "it outlives its parent"]
pub struct RawFork(PinnedProcess);

/// A child whose test was killed ends by itself.
const LIFE: libc::c_uint = 300;

impl RawFork {
    /// Clones this process.
    ///
    /// # Errors
    /// The kernel has no room for another process.
    pub fn start() -> io::Result<Self> {
        // SAFETY: without CLONE_VM this is a fork; the child below makes only async-signal-safe
        // system calls and never returns.
        let result = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
        match result {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                // The test reads its actor's output to the end: that must not wait for this one.
                // SAFETY: takes numbers only; nothing in this child uses a descriptor.
                unsafe { libc::syscall(libc::SYS_close_range, 0, 2, 0) };
                // SAFETY: takes a number only.
                unsafe { libc::alarm(LIFE) };
                loop {
                    // SAFETY: takes nothing and touches no memory.
                    unsafe { libc::pause() };
                }
            }
            child => {
                let child = i32::try_from(child).map_err(|_| io::ErrorKind::InvalidData)?;
                Ok(Self(PinnedProcess::pin(child)?))
            }
        }
    }

    /// The child.
    #[must_use]
    pub fn process(&self) -> &PinnedProcess {
        &self.0
    }
}
