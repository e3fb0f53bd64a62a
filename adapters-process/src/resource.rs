//! A child process and its tree, as a resource.

use std::borrow::Cow;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backstop_core::error::Error;
use backstop_core::resource::{
    Blocking, Deadline, Footprint, Kind, Presence, Progress, Recipe, Step, TrackedResource,
};
use backstop_core::tree::{ContainedChild, Containment, Member, Pipes};
use backstop_os::identity::Cookie;
use backstop_os::liveness::Delivery;
use backstop_os::signal::Signal;
use parking_lot::Mutex;

use crate::builder::ChildBuilder;
use crate::error;
use crate::output::{Captured, Output};

/// A child process with everything that it started: core's [`ContainedChild`] with its input, its captured
/// output and a time limit.
///
/// # Guarantees
/// After a release that ended `released`, no process that the child started and that its
/// [containment](Self::containment) reaches is alive, and its exit status was collected. That includes
/// what a child that exited by itself left behind. If this process is killed, a sweep or a guardian with
/// a [`TreeReclaimer`](backstop_core::tree::TreeReclaimer) finds the tree, even if it was killed while it
/// started the child.
///
/// # When it does not hold
/// The limits of each [`Containment`] are documented there. If the program ignores `SIGCHLD` or waits for
/// all children, the exit status is lost; the child is released all the same. A child that is
/// [dismissed](backstop_core::release::Tracked::dismiss) keeps its cgroup, whose empty directory is not
/// removed.
///
/// # Examples
/// ```
/// use std::process::Command;
/// use backstop_process::ChildProcess;
///
/// let mut command = Command::new("sleep");
/// command.arg("60");
/// let child = ChildProcess::builder(command).spawn()?;
/// assert!(child.try_wait()?.is_none());
/// assert!(child.release().outcome.is_released());
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
pub struct ChildProcess {
    pub(crate) tree: Arc<ContainedChild>,
    pub(crate) output: Arc<Output>,
    pub(crate) pipes: Mutex<Pipes>,
    pub(crate) timed_out: Arc<AtomicBool>,
}

impl ChildProcess {
    /// Sets up a child that runs `command`.
    #[track_caller]
    pub fn builder(command: Command) -> ChildBuilder {
        ChildBuilder::new(command)
    }

    /// The child's PID, which is not reused before the release.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.tree.pid()
    }

    /// How its descendants are tracked.
    #[must_use]
    pub fn containment(&self) -> Containment {
        self.tree.containment()
    }

    /// The cookie in the environment of the child and its descendants.
    #[must_use]
    pub fn cookie(&self) -> Cookie {
        self.tree.cookie()
    }

    /// Waits until the child has exited. Its descendants may still run; the release ends them.
    ///
    /// # Errors
    /// Its exit status was collected elsewhere, or the kernel refused to wait.
    pub fn wait(&self) -> Result<ExitStatus, Error> {
        self.wait_until(None)
            .and_then(|status| status.ok_or_else(|| error::status_taken(&self.label())))
    }

    /// Waits until the child has exited or the time is over; `None` if it still runs.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(&self, span: Duration) -> Result<Option<ExitStatus>, Error> {
        self.wait_until(Some(Deadline::after(span)))
    }

    /// The child's exit status; `None` if it still runs.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub fn try_wait(&self) -> Result<Option<ExitStatus>, Error> {
        self.wait_timeout(Duration::ZERO)
    }

    fn wait_until(&self, deadline: Option<Deadline>) -> Result<Option<ExitStatus>, Error> {
        let has_exited = self.tree.wait(deadline)?;
        match (has_exited, self.tree.status()) {
            (false, _) => Ok(None),
            (true, Some(status)) => Ok(Some(status)),
            (true, None) => Err(error::status_taken(&self.label())),
        }
    }

    /// Sends a signal to the child only.
    ///
    /// # Errors
    /// The permission is missing.
    pub fn signal(&self, signal: Signal) -> Result<Delivery, Error> {
        self.tree.signal_child(signal)
    }

    /// Sends a signal to every living process of the tree, and returns to how many it was sent; a process
    /// group counts as one.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn signal_tree(&self, signal: Signal) -> Result<usize, Error> {
        self.tree.signal(signal)
    }

    /// The living processes of the tree.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        self.tree.members()
    }

    /// Whether it exceeded its [time limit](ChildBuilder::max_run_time) and was terminated.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Acquire)
    }

    /// What it has written to its standard output so far, if that is
    /// [captured](ChildBuilder::capture).
    #[must_use]
    pub fn stdout(&self) -> Captured {
        self.output.stdout()
    }

    /// What it has written to its standard error so far, if that is captured.
    #[must_use]
    pub fn stderr(&self) -> Captured {
        self.output.stderr()
    }

    /// The child's standard input, if the command pipes it and it was not taken before.
    #[must_use]
    pub fn take_stdin(&self) -> Option<ChildStdin> {
        self.pipes.lock().stdin.take()
    }

    /// The child's standard output, if the command pipes it and it is not captured.
    #[must_use]
    pub fn take_stdout(&self) -> Option<ChildStdout> {
        self.pipes.lock().stdout.take()
    }

    /// The child's standard error, if the command pipes it and it is not captured.
    #[must_use]
    pub fn take_stderr(&self) -> Option<ChildStderr> {
        self.pipes.lock().stderr.take()
    }
}

impl TrackedResource for ChildProcess {
    fn kind(&self) -> Kind {
        self.tree.kind()
    }

    fn label(&self) -> Cow<'static, str> {
        self.tree.label()
    }

    fn footprint(&self) -> Footprint {
        self.tree.footprint()
    }

    fn recipe(&self) -> Option<Recipe> {
        self.tree.recipe()
    }

    fn blocking(&self) -> Blocking {
        self.tree.blocking()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        // A child that reads from it until its end is asked by this already.
        drop(self.pipes.lock().stdin.take());
        self.tree.release(step)
    }

    fn verify(&self) -> Presence {
        self.tree.verify()
    }
}

impl std::fmt::Debug for ChildProcess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ChildProcess")
            .field("pid", &self.pid())
            .field("label", &self.label())
            .field("containment", &self.containment())
            .finish_non_exhaustive()
    }
}
