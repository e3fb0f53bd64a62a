//! How a child is set up and started.

use std::ffi::OsString;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use backstop_core::error::Error;
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Backstop, Intent, Tracked};
use backstop_core::resource::{Deadline, Kind, Recipe, ResourceId, Rung, Site};
use backstop_os::before_exec::BeforeExec;
use backstop_os::cgroup::Cgroup;
use backstop_os::fork;
use backstop_os::identity::Cookie;

use crate::config::{self, CaptureLimits};
use crate::containment::Containment;
use crate::error;
use crate::leader::Leader;
use crate::output::{LineCallback, Output, Stream};
use crate::recipe::ChildRecipe;
use crate::resource::{ChildProcess, Pipes};
use crate::tree::Tree;

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

/// The most owners whose cookies a child carries; beyond that the outermost are left out.
const LONGEST_LINEAGE: usize = 32;
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

    /// Which one it is, for people. Default: the command line.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The resource that it belongs to, which is released after it.
    pub fn parent(mut self, parent: Option<ResourceId>) -> Self {
        self.parent = parent;
        self
    }

    /// Rules of its own. Default: those of its kind, else [`child_policy`](config::child_policy).
    pub fn policy(mut self, policy: CleanupPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The strongest containment to try. Default: the strongest there is.
    pub fn at_most(mut self, containment: Containment) -> Self {
        self.at_most = containment;
        self
    }

    /// Reads standard output and standard error and keeps so much of each. Default: they are what the
    /// command says.
    pub fn capture(mut self, limits: CaptureLimits) -> Self {
        self.capture = Some(limits);
        self
    }

    /// Calls this with each line of output, without its end, on the thread that reads it. Captures with
    /// the default limits if nothing else was set.
    ///
    /// A panic of the callback is counted and ends nothing.
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
        let cookie = Cookie::random();
        let cgroup_name = ChildRecipe::cgroup_name(cookie);
        let cgroup_place = (self.at_most == Containment::Cgroup)
            .then(|| Cgroup::place_of(&cgroup_name).ok())
            .flatten();
        let recipe = ChildRecipe::intent(cookie, cgroup_place.clone());
        let mut intent = backstop
            .intend(self.kind, label.clone())
            .site(self.site)
            .parent(self.parent)
            .policy(policy.clone())
            .recipe(Recipe::of(&recipe)?)
            .declare();
        let cgroup = cgroup_place
            .is_some()
            .then(|| Cgroup::create(&cgroup_name).ok())
            .flatten();
        if let Some(group) = &cgroup {
            note_cgroup(&mut intent, recipe, group);
        }
        match self.start(cookie, cgroup, &label, policy) {
            Ok(mut child) => {
                child.cgroup_place = cgroup_place;
                Ok(intent.fulfil(child))
            }
            Err(error) => {
                intent.abandon();
                Err(error)
            }
        }
    }

    fn start(
        mut self,
        cookie: Cookie,
        cgroup: Option<Cgroup>,
        label: &str,
        policy: CleanupPolicy,
    ) -> Result<ChildProcess, Error> {
        self.command.env(Cookie::LINEAGE_VARIABLE, lineage(cookie));
        if self.capture.is_some() {
            self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let containment = match &cgroup {
            Some(_) => Containment::Cgroup,
            None => Containment::strongest_walk().min(self.at_most),
        };
        #[cfg(unix)]
        if containment == Containment::ProcessGroup {
            std::os::unix::process::CommandExt::process_group(&mut self.command, 0);
        }
        let entered = match cgroup.as_ref().map(Cgroup::entrance) {
            None => Ok(BeforeExec::new()),
            Some(entrance) => entrance.map(|entrance| BeforeExec::new().enter(entrance)),
        };
        let started = entered.and_then(|before| {
            before.apply(&mut self.command);
            fork::executing(|| self.command.spawn())
        });
        let mut child = match started {
            Ok(child) => child,
            Err(cause) => {
                if let Some(group) = &cgroup {
                    // Nobody entered it.
                    let _ = group.remove();
                }
                return Err(error::not_started(&self.command, label, cause));
            }
        };
        let mut pipes = pipes_of(&mut child);
        let tree = Arc::new(Tree::new(Leader::of(child), cookie, containment, cgroup));
        let followed = self.follow(&tree, &mut pipes, label, policy);
        let (output, timed_out) = followed.inspect_err(|_| give_up(&tree))?;
        Ok(ChildProcess {
            kind: self.kind,
            label: label.to_owned(),
            tree,
            cgroup_place: None,
            output: Arc::new(output),
            pipes: parking_lot::Mutex::new(pipes),
            timed_out,
        })
    }

    /// Starts the threads that read its output and watch its time.
    fn follow(
        &self,
        tree: &Arc<Tree>,
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

/// Takes down a child that nobody will get.
fn give_up(tree: &Tree) {
    let patience = config::child_policy().deadline(Rung::Force);
    // What survives that is reported by nobody here; its intent would be, if it were not closed.
    if let Err(error) = tree.kill(Deadline::after(patience)) {
        tracing::warn!(%error, "a child that was started in vain cannot be ended");
    }
    drop(tree.verify());
}

fn note_cgroup(intent: &mut Intent, recipe: ChildRecipe, group: &Cgroup) {
    let completed = Recipe::of(&ChildRecipe {
        cgroup: Some(group.identity().clone()),
        ..recipe
    });
    if let Err(error) = completed.and_then(|recipe| intent.set_recipe(&recipe)) {
        // The place in the intent's recipe names the cookie, which is proof enough.
        tracing::warn!(%error, "the control group of a child cannot be recorded");
    }
}

fn pipes_of(child: &mut Child) -> Pipes {
    Pipes {
        stdin: child.stdin.take(),
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
    }
}

/// The cookies of all owners above the child, the innermost last, so that an outer owner still finds
/// what an inner one starts.
fn lineage(cookie: Cookie) -> OsString {
    let above = std::env::var(Cookie::LINEAGE_VARIABLE).unwrap_or_default();
    let mut cookies: Vec<&str> = above.split(':').filter(|text| !text.is_empty()).collect();
    let own = cookie.to_string();
    cookies.push(&own);
    let first = cookies.len().saturating_sub(LONGEST_LINEAGE);
    cookies[first..].join(":").into()
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
