//! Starts an innocent process with the PID of a dead one.
#![expect(unsafe_code, reason = "only clone3 starts a process with a chosen PID")]

use std::io;
use std::time::Duration;

use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;

/// An innocent process with the PID of an earlier process. Dropping it ends and reaps it.
#[derive(Debug)]
#[must_use = "dropping it ends the innocent process"]
pub struct PidReuser(PinnedProcess);

/// How long the kernel may take to free the PID of a reaped process.
const TRIES: u32 = 200;

/// An innocent process whose test was killed ends by itself.
const LIFE: libc::c_uint = 300;

impl PidReuser {
    /// Starts a process that only waits, with the PID `pid`. The previous process must have been reaped.
    ///
    /// # Errors
    /// This user or kernel cannot choose PIDs (it requires `CAP_CHECKPOINT_RESTORE` or `CAP_SYS_ADMIN`), or
    /// another process has the PID.
    pub fn take(pid: i32) -> Result<Self, String> {
        for _ in 0..TRIES {
            match clone_with_number(pid) {
                Ok(()) => {
                    let pinned = PinnedProcess::pin(pid).map_err(|error| error.to_string())?;
                    return Ok(Self(pinned));
                }
                // The PID is not free yet, or another process has it.
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => {
                    return Err(format!("cannot start a process with a chosen PID: {error}"));
                }
            }
        }
        Err(format!("the number {pid} is not free"))
    }

    /// The innocent process.
    #[must_use]
    pub fn process(&self) -> &PinnedProcess {
        &self.0
    }

    /// Whether it was not killed.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.0.has_exited()
    }
}

impl Drop for PidReuser {
    fn drop(&mut self) {
        let _ = self.0.signal(Signal::KILL);
        let _ = self.0.wait_exit(Duration::from_secs(10));
        let _ = self.0.reap();
    }
}

fn clone_with_number(pid: i32) -> io::Result<()> {
    // SAFETY: all-zero is the documented "nothing asked for" of clone_args.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.set_tid = (&raw const pid).addr() as u64;
    arguments.set_tid_size = 1;
    // SAFETY: without CLONE_VM this is a fork; the arguments outlive the call, and the child below
    // makes only async-signal-safe calls.
    let result = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw const arguments,
            size_of::<libc::clone_args>(),
        )
    };
    match result {
        0 => {
            // A raw clone runs no fork handlers: without this it would keep the test's leases.
            // SAFETY: takes numbers only; nothing in this child uses a descriptor.
            unsafe { libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0) };
            // SAFETY: takes a number only.
            unsafe { libc::alarm(LIFE) };
            loop {
                // SAFETY: takes nothing and touches no memory.
                unsafe { libc::pause() };
            }
        }
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
