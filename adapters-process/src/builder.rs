//! How a child is set up and started.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use backstop_core::error::Error;
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Backstop, Tracked};
use backstop_core::resource::{Deadline, Kind, ResourceId, Rung, Site, TrackedResource};
use backstop_core::tree::{ContainedChild, Containment, Pipes, TreePlan};
use backstop_os::before_exec::BeforeExec;

use crate::config::{self, CaptureLimits};
use crate::error;
use crate::output::{LineCallback, Output, Stream};
use crate::resource::ChildProcess;

/// Sets up a child: what is not set here is set on its [`Command`].
#[must_use = "nothing is started until `spawn`"]
pub struct ChildBuilder {
    command: Command,
    kind: Kind,
    label: Option<String>,
    site: Site,
    parent: Option<ResourceId>,
    policy: Option<CleanupPolicy>,
    at_most: Containment,
    capture: Option<CaptureLimits>,
    on_line: Option<LineCallback>,
    max_run_time: Option<Duration>,
}

const LONGEST_LABEL: usize = 200;

impl ChildBuilder {
    #[track_caller]
    pub(crate) fn new(command: Command) -> Self {
        Self {
            command,
            kind: config::CHILD,
            label: None,
            site: Site::caller(),
            parent: None,
            policy: None,
            at_most: Containment::Cgroup,
            capture: None,
            on_line: None,
            max_run_time: None,
        }
    }

    pub(crate) fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn site(mut self, site: Site) -> Self {
        self.site = site;
        self
    }

    pub(crate) fn or_capture(mut self, limits: CaptureLimits) -> Self {
        self.capture.get_or_insert(limits);
        self
    }

    /// Its name in reports. Default: the command line.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The resource that it belongs to, which is released after it.
    pub fn parent(mut self, parent: Option<ResourceId>) -> Self {
        self.parent = parent;
        self
    }

    /// Its cleanup policy. Default: that of its kind, else [`child_policy`](config::child_policy).
    pub fn policy(mut self, policy: CleanupPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The strongest containment to try. Default: the strongest available.
    pub fn at_most(mut self, containment: Containment) -> Self {
        self.at_most = containment;
        self
    }

    /// Captures standard output and standard error, each up to these limits. Default: no capture, the
    /// streams are those of the command.
    pub fn capture(mut self, limits: CaptureLimits) -> Self {
        self.capture = Some(limits);
        self
    }

    /// Calls this with each line of output, without its end, on the thread that reads it. Captures with
    /// the default limits if nothing else was set.
    ///
    /// A panic of the callback is caught and counted.
    pub fn on_line(mut self, callback: impl Fn(Stream, &[u8]) + Send + Sync + 'static) -> Self {
        self.on_line = Some(Arc::new(callback));
        self.capture.get_or_insert_default();
        self
    }

    /// Ends its tree by the ladder if the child runs longer. The guard stays with its owner, who reads
    /// the exit status and [`timed_out`](ChildProcess::timed_out). Default: no limit.
    pub fn max_run_time(mut self, span: Duration) -> Self {
        self.max_run_time = Some(span);
        self
    }

    /// Starts it, tracked by this process's [`Backstop`].
    ///
    /// # Errors
    /// The command cannot be started; nothing is left behind.
    pub fn spawn(self) -> Result<Tracked<ChildProcess>, Error> {
        self.spawn_on(&Backstop::global())
    }

    /// Starts it, tracked by `backstop`.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn).
    pub fn spawn_on(mut self, backstop: &Backstop) -> Result<Tracked<ChildProcess>, Error> {
        let label = self
            .label
            .take()
            .unwrap_or_else(|| command_line(&self.command));
        let policy = config::chosen(
            self.policy.take(),
            backstop,
            self.kind,
            config::child_policy,
        );
        if self.capture.is_some() {
            self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let draft = backstop
            .intend(self.kind, label.clone())
            .site(self.site)
            .parent(self.parent)
            .policy(policy.clone());
        let announced = TreePlan::new().at_most(self.at_most).announce(draft)?;
        let mut spawned = announced.spawn(&mut self.command, BeforeExec::new())?;
        let tree = Arc::new(spawned.child);
        match self.follow(&tree, &mut spawned.pipes, &label, policy) {
            Ok((output, timed_out)) => Ok(spawned.intent.fulfil(ChildProcess {
                tree,
                output: Arc::new(output),
                pipes: parking_lot::Mutex::new(spawned.pipes),
                timed_out,
            })),
            Err(error) => {
                give_up(&tree);
                spawned.intent.abandon();
                Err(error)
            }
        }
    }

    /// Starts the threads that read its output and watch its time.
    fn follow(
        &self,
        tree: &Arc<ContainedChild>,
        pipes: &mut Pipes,
        label: &str,
        policy: CleanupPolicy,
    ) -> Result<(Output, Arc<AtomicBool>), Error> {
        let output = match self.capture {
            None => Output::none(),
            Some(limits) => Output::read(
                pipes.stdout.take(),
                pipes.stderr.take(),
                limits,
                self.on_line.as_ref(),
            )
            .map_err(|cause| error::no_thread(label, cause))?,
        };
        let timed_out = Arc::<AtomicBool>::default();
        if let Some(span) = self.max_run_time {
            crate::run_time::watch(
                Arc::clone(tree),
                label.to_owned(),
                span,
                policy,
                Arc::clone(&timed_out),
            )
            .map_err(|cause| error::no_thread(label, cause))?;
        }
        Ok((output, timed_out))
    }
}

/// Terminates a child that cannot be returned to the caller.
fn give_up(tree: &ContainedChild) {
    let patience = config::child_policy().deadline(Rung::Force);
    // What survives that is not reported here; its intent would be, if it were not closed.
    if let Err(error) = tree.release_by(Rung::Force, Deadline::after(patience)) {
        tracing::warn!(%error, "a child that could not be set up cannot be terminated");
    }
    drop(tree.verify());
}

fn command_line(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
        if text.len() > LONGEST_LABEL {
            text.truncate(text.floor_char_boundary(LONGEST_LABEL));
            text.push('…');
            break;
        }
    }
    text
}
