//! A process held by its pidfd: requests and signals reach this process or none.
#![expect(
    unsafe_code,
    reason = "rustix cannot send signal 0 through a pidfd, nor say which child waitid found"
)]

use std::borrow::Borrow;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};

use super::{environment, identity_reading, process_table};
use crate::identity::{Cookie, ProcessIdentity};
use crate::liveness::{Delivery, Liveness};
use crate::process_stat::ProcessStat;
use crate::signal::Signal;

/// A process held by a pidfd, which never refers to another one.
///
/// # Guarantees
/// A signal reaches the pinned process or none. Data read about it from `/proc` is returned only if
/// the pidfd shows afterwards that the PID was still its own.
///
/// # When it does not hold
/// Pinning a PID does not prove which process has it: only [`PinnedProcess::verify`] does.
#[derive(Debug)]
pub struct PinnedProcess {
    pid: i32,
    descriptor: OwnedFd,
}

/// `__WALL`: includes children that were created without SIGCHLD as their exit signal.
const ALL_KINDS: WaitIdOptions = WaitIdOptions::from_bits_retain(0x4000_0000);

impl PinnedProcess {
    /// Pins the process that has this PID now.
    ///
    /// # Errors
    /// The PID is not positive (`InvalidInput`), no process has it (`ESRCH`), it is a thread's
    /// (`EINVAL` or `ENOENT`), or no file descriptor is available.
    pub fn pin(pid: i32) -> io::Result<Self> {
        let number = if pid > 0 { Pid::from_raw(pid) } else { None };
        let number = number.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a PID must be greater than 0")
        })?;
        let descriptor = pidfd_open(number, PidfdFlags::empty())?;
        Ok(Self { pid, descriptor })
    }

    /// The PID, which is its own until it is reaped.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The identity of this process.
    ///
    /// # Errors
    /// It was reaped in the meantime (`ESRCH`), or `/proc` is hidden or of another pid namespace.
    pub fn identity(&self) -> io::Result<ProcessIdentity> {
        self.proven(|pid| identity_reading::read_identity(pid, self.as_fd()))
    }

    /// Its line of `/proc/PID/stat`.
    ///
    /// # Errors
    /// As [`PinnedProcess::identity`].
    pub fn stat(&self) -> io::Result<ProcessStat> {
        self.proven(process_table::stat)
    }

    /// Whether its environment carries the cookie.
    ///
    /// # Errors
    /// As [`PinnedProcess::identity`]; or its environment may not be read.
    pub fn has_cookie(&self, cookie: &Cookie) -> io::Result<bool> {
        self.proven(|pid| environment::has_cookie(pid, cookie))
    }

    /// Reads data by PID and proves that the PID was this process's all the time: a PID is not
    /// reused before the pidfd shows its process reaped.
    pub(super) fn proven<T>(&self, read: impl FnOnce(i32) -> io::Result<T>) -> io::Result<T> {
        let value = read(self.pid);
        match self.send(0) {
            Ok(()) | Err(Errno::PERM) => value,
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a signal to exactly this process.
    ///
    /// A process that has exited but is not reaped accepts it without effect.
    ///
    /// # Errors
    /// The permission is missing.
    pub fn signal(&self, signal: Signal) -> io::Result<Delivery> {
        match self.send(signal.number()) {
            Ok(()) => Ok(Delivery::Sent),
            Err(Errno::SRCH) => Ok(Delivery::AlreadyGone),
            Err(error) => Err(error.into()),
        }
    }

    fn send(&self, number: i32) -> Result<(), Errno> {
        // SAFETY: the call reads no memory of ours, because the pointer to the signal's details is
        // null; the descriptor is open as long as `self` lives.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.descriptor.as_raw_fd(),
                number,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        if result == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        Err(Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
    }

    /// Whether it is running, unreaped or gone.
    ///
    /// # Errors
    /// The kernel is out of memory.
    pub fn liveness(&self) -> io::Result<Liveness> {
        match self.send(0) {
            Err(Errno::SRCH) => Ok(Liveness::Gone),
            _ if self.wait_exit(Duration::ZERO)? => Ok(Liveness::Unreaped),
            _ => Ok(Liveness::Running),
        }
    }

    /// Whether all of its threads have exited; it may still wait to be reaped.
    #[must_use]
    pub fn has_exited(&self) -> bool {
        // Unknown counts as running: a release is never reported as done by mistake.
        self.wait_exit(Duration::ZERO).unwrap_or(false)
    }

    /// Waits until it has exited, for at most `timeout`, and returns whether it has.
    ///
    /// # Errors
    /// The kernel is out of memory.
    pub fn wait_exit(&self, timeout: Duration) -> io::Result<bool> {
        let deadline = Instant::now().checked_add(timeout);
        let mut remaining = Some(timeout);
        loop {
            let limit = remaining.and_then(|time| Timespec::try_from(time).ok());
            let mut polled = [PollFd::new(&self.descriptor, PollFlags::IN)];
            match poll(&mut polled, limit.as_ref()) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::INTR) => {
                    remaining = deadline.map(|end| end.saturating_duration_since(Instant::now()));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reaps it if it is this process's own child and has exited, and returns its exit status.
    /// Never blocks, and never reaps another child.
    #[must_use]
    pub fn reap(&self) -> Option<ExitStatus> {
        self.exit_status(WaitIdOptions::empty())
    }

    /// Reads its exit status as [`reap`](Self::reap) does but leaves it unreaped, so that its PID
    /// stays its own.
    #[must_use]
    pub fn peek(&self) -> Option<ExitStatus> {
        self.exit_status(WaitIdOptions::NOWAIT)
    }

    fn exit_status(&self, more: WaitIdOptions) -> Option<ExitStatus> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | ALL_KINDS | more;
        let status = loop {
            match waitid(WaitId::PidFd(self.descriptor.as_fd()), options) {
                Ok(status) => break status?,
                Err(Errno::INTR) => {}
                // Another process's child, or reaped by other code in this process.
                Err(_) => return None,
            }
        };
        // In the format of wait(2), which the standard library expects.
        let raw = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => (code & 0xff) << 8,
            (None, Some(signal)) => signal | if status.dumped() { 0x80 } else { 0 },
            (None, None) => return None,
        };
        Some(ExitStatus::from_raw(raw))
    }
}

impl AsFd for PinnedProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Waits until all of them have exited, at most until `deadline`, and returns those that have not.
///
/// # Errors
/// As [`PinnedProcess::wait_exit`].
pub fn still_running<P: Borrow<PinnedProcess>>(
    processes: &[P],
    deadline: Instant,
) -> io::Result<Vec<&PinnedProcess>> {
    let mut running = Vec::new();
    // One after the other: all must exit anyway, and one poll over all of them would be woken once
    // for each, which is quadratic in their number.
    for process in processes.iter().map(Borrow::borrow) {
        if !process.wait_exit(deadline.saturating_duration_since(Instant::now()))? {
            running.push(process);
        }
    }
    // Those that were slow while there was time may have followed since.
    running.retain(|process: &&PinnedProcess| !process.has_exited());
    Ok(running)
}

/// Whether this process has no children at all, including exited ones. Reaps nothing.
pub(super) fn is_childless() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT | ALL_KINDS;
    matches!(waitid(WaitId::All, options), Err(Errno::CHILD))
}

/// The PID of some child that has exited and is not reaped. Reaps nothing.
pub(super) fn exited_child() -> Option<i32> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT | ALL_KINDS;
    let options = libc::c_int::try_from(options.bits()).ok()?;
    loop {
        // SAFETY: all zeros are a valid value of this plain structure of the kernel's.
        let mut status: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the structure is valid for the call, which fills it or leaves it as it is.
        if unsafe { libc::waitid(libc::P_ALL, 0, &raw mut status, options) } == 0 {
            // SAFETY: waitid fills this field, or leaves it zero if there is no such child.
            let pid = unsafe { status.si_pid() };
            return (pid > 0).then_some(pid);
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return None;
        }
    }
}

#[cfg(test)]
#[expect(clippy::zombie_processes, reason = "reaped through their pidfds")]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_is_signalled_waited_for_and_reaped() {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let pinned = PinnedProcess::pin(child.id() as i32).unwrap();
        assert_eq!(pinned.liveness().unwrap(), Liveness::Running);
        assert!(pinned.reap().is_none());
        assert!(!pinned.wait_exit(Duration::from_millis(1)).unwrap());

        assert_eq!(pinned.signal(Signal::TERM).unwrap(), Delivery::Sent);
        assert!(pinned.wait_exit(Duration::from_secs(10)).unwrap());
        assert_eq!(pinned.liveness().unwrap(), Liveness::Unreaped);
        assert!(pinned.stat().unwrap().has_exited());

        assert_eq!(pinned.peek().unwrap().signal(), Some(15));
        assert_eq!(pinned.reap().unwrap().signal(), Some(15));
        assert_eq!(pinned.liveness().unwrap(), Liveness::Gone);
        assert!(pinned.has_exited());
        assert_eq!(pinned.signal(Signal::KILL).unwrap(), Delivery::AlreadyGone);
        assert_eq!(
            pinned.identity().unwrap_err().raw_os_error(),
            Some(libc::ESRCH)
        );
    }

    #[test]
    fn exit_codes_arrive_whole() {
        let child = Command::new("sh").args(["-c", "exit 137"]).spawn().unwrap();
        let pinned = PinnedProcess::pin(child.id() as i32).unwrap();
        assert!(pinned.wait_exit(Duration::from_secs(10)).unwrap());
        assert_eq!(pinned.reap().unwrap().code(), Some(137));
    }

    #[test]
    fn pids_that_denote_groups_are_refused() {
        for pid in [0, -1, i32::MIN] {
            let error = PinnedProcess::pin(pid).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn only_processes_that_still_run_are_returned() {
        let quick = Command::new("true").spawn().unwrap();
        let slow = Command::new("sleep").arg("60").spawn().unwrap();
        let pinned = [quick.id(), slow.id()].map(|pid| PinnedProcess::pin(pid as i32).unwrap());
        assert!(pinned[0].wait_exit(Duration::from_secs(10)).unwrap());
        let running = still_running(&pinned, Instant::now()).unwrap();
        assert_eq!(
            running
                .iter()
                .map(|process| process.pid())
                .collect::<Vec<_>>(),
            [slow.id() as i32]
        );
        let _ = pinned[1].signal(Signal::KILL).unwrap();
        assert!(
            still_running(&pinned, Instant::now() + Duration::from_secs(10))
                .unwrap()
                .is_empty()
        );
        assert!(pinned.iter().all(|process| process.reap().is_some()));
    }
}
