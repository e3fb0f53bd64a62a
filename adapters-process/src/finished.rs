//! A child that is run to its end.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use backstop_core::error::Error;
use backstop_core::release::{Backstop, Release};
use backstop_core::resource::Deadline;

use crate::builder::ChildBuilder;
use crate::config::CaptureLimits;
use crate::output::Captured;

/// The result of running a child to its end. What it left behind was released with it.
#[derive(Debug)]
#[must_use]
pub struct Finished {
    /// The child's exit status; `None` if it was collected elsewhere, or the child is stuck.
    pub status: Option<ExitStatus>,
    /// What it wrote to its standard output.
    pub stdout: Captured,
    /// What it wrote to its standard error.
    pub stderr: Captured,
    /// Whether it exceeded its time limit.
    pub timed_out: bool,
    /// The release of its tree.
    pub release: Release,
}

impl Finished {
    /// Whether it ended in time, by itself and with the status 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        !self.timed_out && self.status.is_some_and(|status| status.success())
    }
}

/// How long the end of the output is waited for once nothing of the tree lives: only a process outside
/// of the tree can hold the pipe then.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

impl ChildBuilder {
    /// Starts it, captures its output, waits until the child exits or `limit` has passed, and releases
    /// its whole tree.
    ///
    /// # Examples
    /// ```
    /// use std::process::Command;
    /// use std::time::Duration;
    /// use backstop_process::ChildProcess;
    ///
    /// let mut command = Command::new("echo");
    /// command.arg("hello");
    /// let finished = ChildProcess::builder(command).run_to_end(Duration::from_secs(10))?;
    /// assert!(finished.is_success());
    /// assert_eq!(finished.stdout.text(), "hello\n");
    /// # Ok::<(), backstop_core::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// The command cannot be started.
    pub fn run_to_end(self, limit: Duration) -> Result<Finished, Error> {
        self.run_to_end_on(&Backstop::global(), limit)
    }

    /// [`run_to_end`](Self::run_to_end), tracked by `backstop`.
    ///
    /// # Errors
    /// The command cannot be started.
    pub fn run_to_end_on(self, backstop: &Backstop, limit: Duration) -> Result<Finished, Error> {
        let builder = self.or_capture(CaptureLimits::default());
        let child = builder.spawn_on(backstop)?;
        // Nothing will be written to it: a child that reads to the end of its input must not wait.
        drop(child.take_stdin());
        let exited = child.wait_timeout(limit);
        let timed_out = matches!(exited, Ok(None)) || child.timed_out();
        let (tree, output) = (Arc::clone(&child.tree), Arc::clone(&child.output));
        let release = child.release();
        let (stdout, stderr) = output.finish(Deadline::after(LAST_OUTPUT));
        Ok(Finished {
            status: tree.status(),
            stdout,
            stderr,
            timed_out,
            release,
        })
    }
}
