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

/// What running a child to its end came to. What it left behind was released with it.
#[derive(Debug)]
#[must_use]
pub struct Finished {
    /// The child's exit status; `None` if somebody else collected it, or it is stuck.
    pub status: Option<ExitStatus>,
    /// What it wrote to its standard output.
    pub stdout: Captured,
    /// What it wrote to its standard error.
    pub stderr: Captured,
    /// Whether it ran longer than it was given.
    pub timed_out: bool,
    /// How the release of its tree went.
    pub release: Release,
}

impl Finished {
    /// Whether it ended in time, by itself and with the status 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        !self.timed_out && self.status.is_some_and(|status| status.success())
    }
}

/// How long the end of the output is waited for once nothing of the tree lives: only somebody
/// outside of it can hold the pipe then.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

impl ChildBuilder {
    /// Starts it, reads its output, waits until the child exits or `span` is over, and releases its
    /// whole tree.
    ///
    /// # Errors
    /// The command cannot be started.
    pub fn run_to_end(self, span: Duration) -> Result<Finished, Error> {
        self.run_to_end_on(&Backstop::global(), span)
    }

    /// The same, tracked by `backstop`.
    ///
    /// # Errors
    /// The command cannot be started.
    pub fn run_to_end_on(self, backstop: &Backstop, span: Duration) -> Result<Finished, Error> {
        let builder = self.or_capture(CaptureLimits::default());
        let child = builder.spawn_on(backstop)?;
        // Nobody else will write to it.
        drop(child.take_stdin());
        let exited = child.wait_timeout(span);
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
