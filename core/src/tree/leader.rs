//! The direct child: waited for without being collected, collected exactly once.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use backstop_os::liveness::Delivery;
use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;
use parking_lot::Mutex;

use crate::resource::Deadline;

/// The direct child of this process.
///
/// Its status is read and left with the kernel until the release, so that its PID, and with it those of
/// its group and its descendants' parent, stays its own for as long as anything is done about them.
pub(super) struct Leader {
    pid: u32,
    pinned: Option<PinnedProcess>,
    state: Mutex<State>,
}

struct State {
    /// Only asked where processes cannot be pinned: a wait by PID after another thread collected the
    /// status could take that of a successor. None where only a pinned process is accepted.
    child: Option<Child>,
    status: Option<ExitStatus>,
    is_reaped: bool,
}

/// The interval where there is no event to wait for.
const POLL: Duration = Duration::from_millis(5);

impl Leader {
    /// The child that was just started, and whose status was not collected yet.
    pub(super) fn of(child: Child) -> Self {
        let pid = child.id();
        let pinned = i32::try_from(pid)
            .ok()
            .and_then(|pid| PinnedProcess::pin(pid).ok());
        Self::new(pid, pinned, Some(child))
    }

    /// The same, of a child that this process holds only by its pidfd.
    pub(super) fn pinned_only(pinned: PinnedProcess) -> Self {
        Self::new(pinned.pid().unsigned_abs(), Some(pinned), None)
    }

    fn new(pid: u32, pinned: Option<PinnedProcess>, child: Option<Child>) -> Self {
        Self {
            pid,
            pinned,
            state: Mutex::new(State {
                child,
                status: None,
                is_reaped: false,
            }),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn pinned(&self) -> Option<&PinnedProcess> {
        self.pinned.as_ref()
    }

    /// Whether it has exited, collected or not.
    pub(super) fn has_exited(&self) -> bool {
        match &self.pinned {
            Some(pinned) => pinned.has_exited(),
            None => self.status().is_some() || self.state.lock().is_reaped,
        }
    }

    /// Its exit status, if it has exited and no other code took it.
    pub(super) fn status(&self) -> Option<ExitStatus> {
        let mut state = self.state.lock();
        if state.status.is_none() && !state.is_reaped {
            match &self.pinned {
                Some(pinned) => state.status = pinned.peek(),
                None => state.ask_by_number(),
            }
        }
        state.status
    }

    /// Waits until it has exited; false if the deadline came first.
    pub(super) fn wait(&self, deadline: Option<Deadline>) -> io::Result<bool> {
        loop {
            let left = deadline.map_or(Duration::from_secs(3600), Deadline::remaining);
            match &self.pinned {
                Some(pinned) if pinned.wait_exit(left)? => return Ok(true),
                Some(_) => {}
                None if self.has_exited() => return Ok(true),
                None => std::thread::sleep(POLL.min(left)),
            }
            if deadline.is_some_and(Deadline::has_passed) {
                return Ok(self.has_exited());
            }
        }
    }

    pub(super) fn signal(&self, signal: Signal) -> io::Result<Delivery> {
        match &self.pinned {
            Some(pinned) => pinned.signal(signal),
            None if self.has_exited() => Ok(Delivery::AlreadyGone),
            // All that can be sent without a pidfd.
            None => match &mut self.state.lock().child {
                Some(child) => child.kill().map(|()| Delivery::Sent),
                None => Ok(Delivery::AlreadyGone),
            },
        }
    }

    /// Collects the status if it has exited; whether there is nothing to collect any more.
    pub(super) fn reap(&self) -> bool {
        if !self.has_exited() {
            return false;
        }
        let mut state = self.state.lock();
        if !state.is_reaped {
            match &self.pinned {
                Some(pinned) => {
                    let status = pinned.reap();
                    state.status = state.status.or(status);
                    state.is_reaped = true;
                }
                None => state.ask_by_number(),
            }
        }
        state.is_reaped
    }

    /// Whether its status was collected.
    pub(super) fn reap_is_done(&self) -> bool {
        self.state.lock().is_reaped
    }

    /// Takes note of what a takedown collected.
    pub(super) fn note(&self, reaped: &[(i32, ExitStatus)]) {
        let own = reaped
            .iter()
            .find(|(pid, _)| u32::try_from(*pid) == Ok(self.pid));
        if let Some((_, status)) = own {
            let mut state = self.state.lock();
            state.status = state.status.or(Some(*status));
            state.is_reaped = true;
        }
    }
}

impl State {
    fn ask_by_number(&mut self) {
        match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => {}
            Some(Ok(Some(status))) => {
                self.status = Some(status);
                self.is_reaped = true;
            }
            // Other code of this process collected it.
            Some(Err(_)) | None => self.is_reaped = true,
        }
    }
}
