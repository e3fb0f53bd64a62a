//! A process held so that its PID cannot come to denote another.

use std::convert::Infallible;
use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::identity::{Cookie, ProcessIdentity, Refusal};
use crate::liveness::{Delivery, Liveness};
use crate::process_stat::ProcessStat;
use crate::signal::Signal;

/// A pinned process: none can be pinned on this system.
#[derive(Debug)]
pub struct PinnedProcess(Infallible);

impl PinnedProcess {
    /// # Errors
    /// Always: processes cannot be pinned on this system.
    pub fn pin(_pid: i32) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Always: nothing proves a process's identity on this system.
    pub fn verify(_expected: &ProcessIdentity, _cookie: Option<&Cookie>) -> Result<Self, Refusal> {
        Err(Refusal::Unprovable {
            evidence: "processes cannot be pinned on this system".to_owned(),
        })
    }

    /// Never called.
    #[must_use]
    pub fn pid(&self) -> i32 {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn identity(&self) -> io::Result<ProcessIdentity> {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn stat(&self) -> io::Result<ProcessStat> {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn has_cookie(&self, _cookie: &Cookie) -> io::Result<bool> {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn signal(&self, _signal: Signal) -> io::Result<Delivery> {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn liveness(&self) -> io::Result<Liveness> {
        match self.0 {}
    }

    /// Never called.
    #[must_use]
    pub fn has_exited(&self) -> bool {
        match self.0 {}
    }

    /// # Errors
    /// Never called.
    pub fn wait_exit(&self, _timeout: Duration) -> io::Result<bool> {
        match self.0 {}
    }

    /// Never called.
    #[must_use]
    pub fn reap(&self) -> Option<ExitStatus> {
        match self.0 {}
    }

    /// Never called.
    #[must_use]
    pub fn peek(&self) -> Option<ExitStatus> {
        match self.0 {}
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for PinnedProcess {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self.0 {}
    }
}

/// # Errors
/// Never: there are no pinned processes on this system, so none of them runs.
pub fn still_running<P: std::borrow::Borrow<PinnedProcess>>(
    _processes: &[P],
    _deadline: Instant,
) -> io::Result<Vec<&PinnedProcess>> {
    Ok(Vec::new())
}
