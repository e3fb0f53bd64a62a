//! What a child does between fork and exec.
#![expect(unsafe_code, reason = "code between fork and exec has no safe form")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use super::cgroup::Entrance;
use super::signals::SignalSource;

/// What a child does before it executes its program: only async-signal-safe calls, because it may
/// have been forked from a process with several threads.
#[derive(Default)]
pub struct BeforeExec {
    acts: Vec<Act>,
}

type Act = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

impl BeforeExec {
    /// An empty list of actions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Restores the signal mask from before `signals` were blocked.
    #[must_use]
    pub fn unblock(mut self, signals: &SignalSource) -> Self {
        self.acts.push(Box::new(signals.unblocked_in_child()));
        self
    }

    /// Moves the child into a cgroup.
    #[must_use]
    pub fn enter(mut self, entrance: Arc<Entrance>) -> Self {
        self.acts.push(Box::new(move || entrance.enter()));
        self
    }

    /// Limits the number of its open files (RLIMIT_NOFILE).
    #[must_use]
    pub fn limit_open_files(mut self, most: u64) -> Self {
        self.acts.push(Box::new(move || {
            let limit = rustix::process::Rlimit {
                current: Some(most),
                maximum: Some(most),
            };
            Ok(rustix::process::setrlimit(
                rustix::process::Resource::Nofile,
                limit,
            )?)
        }));
        self
    }

    /// Starts a new session.
    #[must_use]
    pub fn new_session(mut self) -> Self {
        self.acts.push(Box::new(|| {
            rustix::process::setsid()?;
            Ok(())
        }));
        self
    }

    /// Makes `command` run these actions in its child.
    pub fn apply(self, command: &mut Command) {
        if self.acts.is_empty() {
            return;
        }
        // SAFETY: every action makes only async-signal-safe system calls and allocates nothing.
        unsafe { command.pre_exec(move || self.acts.iter().try_for_each(|act| act())) };
    }
}
