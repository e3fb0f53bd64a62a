//! Starting the first process of a tree.

use std::ffi::OsString;
use std::io;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use std::sync::Arc;

use backstop_os::before_exec::BeforeExec;
use backstop_os::cgroup::Cgroup;
use backstop_os::fork;
use backstop_os::identity::Cookie;
use backstop_os::pinned::PinnedProcess;
use backstop_os::spawn_error::SpawnError;
use backstop_os::spawn_in_cgroup::spawn_in_cgroup;

use super::contained_child::ContainedChild;
use super::containment::Containment;
use super::leader::Leader;
use super::plan::{AnnouncedTree, Role, TreePlan};
use super::recipe::TreeRecipe;
use crate::error::{Error, Stage};
use crate::release::Intent;

/// A tree whose first process was started. The intent is still to be fulfilled, with the child or with
/// what an adapter makes of it.
#[derive(Debug)]
#[must_use = "its intent is to be fulfilled"]
pub struct SpawnedTree {
    /// What is written in the ledger so far.
    pub intent: Intent,
    /// The tree.
    pub child: ContainedChild,
    /// The ends of the pipes to its first process.
    pub pipes: Pipes,
    /// Why there is no cgroup, if one was wanted.
    pub without_cgroup: Option<String>,
}

/// The ends of the pipes that the command asked for.
#[derive(Debug, Default)]
pub struct Pipes {
    /// To its standard input.
    pub stdin: Option<ChildStdin>,
    /// From its standard output.
    pub stdout: Option<ChildStdout>,
    /// From its standard error.
    pub stderr: Option<ChildStderr>,
}

/// The most owners whose cookies a child carries; beyond that the outermost are left out.
const LONGEST_LINEAGE: usize = 32;

impl AnnouncedTree {
    /// Starts the command as the first process of the tree. It does what is in `before` before it executes.
    ///
    /// Of a run, the command must have no pipes to this process.
    ///
    /// # Errors
    /// The command cannot be started; nothing is left behind.
    pub fn spawn(self, command: &mut Command, before: BeforeExec) -> Result<SpawnedTree, Error> {
        let mut wanted = self.open_cgroup();
        match self.plan.role {
            Role::Child => command.env(Cookie::LINEAGE_VARIABLE, lineage(self.plan.cookie)),
            Role::Run => command.env(Cookie::ENVIRONMENT_VARIABLE, self.plan.cookie.to_string()),
        };
        let containment = match &wanted.group {
            Some(_) => Containment::Cgroup,
            None => self.plan.without_cgroup(),
        };
        #[cfg(unix)]
        if containment == Containment::ProcessGroup {
            std::os::unix::process::CommandExt::process_group(command, 0);
        }
        before.apply(command);
        match start(&self.plan, command, &mut wanted) {
            Ok((leader, pipes)) => Ok(self.started(leader, pipes, wanted)),
            Err(cause) => {
                wanted.give_up();
                self.intent.abandon();
                Err(
                    Error::io(Stage::Open, "the command cannot be started", cause)
                        .of(self.label)
                        .with("program", command.get_program().display()),
                )
            }
        }
    }

    fn started(self, leader: Leader, pipes: Pipes, wanted: WantedCgroup) -> SpawnedTree {
        let containment = match &wanted.group {
            Some(_) => Containment::Cgroup,
            None => self.plan.without_cgroup(),
        };
        SpawnedTree {
            intent: self.intent,
            child: ContainedChild::new(
                self.kind,
                self.label,
                leader,
                self.recipe,
                containment,
                wanted.group,
                self.plan.adopts_orphans(),
            ),
            pipes,
            without_cgroup: wanted.missing,
        }
    }

    /// Makes the cgroup and records which one it is.
    fn open_cgroup(&self) -> WantedCgroup {
        if !self.plan.wants_cgroup() {
            return WantedCgroup::default();
        }
        let group = match Cgroup::create(&TreeRecipe::cgroup_name(self.plan.cookie)) {
            Ok(group) => group,
            Err(error) => {
                return WantedCgroup {
                    group: None,
                    missing: Some(error.to_string()),
                };
            }
        };
        let recipe = TreeRecipe {
            cgroup: Some(group.identity().clone()),
            ..self.recipe.clone()
        };
        let completed = recipe.to_recipe();
        if let Err(error) = completed.and_then(|recipe| self.intent.set_recipe(&recipe)) {
            // The place in the intent's recipe names the cookie, which is proof enough.
            tracing::warn!(%error, "the cgroup of a tree cannot be recorded");
        }
        WantedCgroup {
            group: Some(group),
            missing: None,
        }
    }
}

/// The cgroup of a tree that is being started, or why there is none.
#[derive(Default)]
struct WantedCgroup {
    group: Option<Cgroup>,
    missing: Option<String>,
}

impl WantedCgroup {
    /// Goes on without it.
    fn give_up(&mut self) {
        if let Some(group) = self.group.take() {
            // No process entered it; if it stays, it is empty and a sweep removes it.
            let _ = group.remove();
        }
    }
}

fn start(
    plan: &TreePlan,
    command: &mut Command,
    wanted: &mut WantedCgroup,
) -> io::Result<(Leader, Pipes)> {
    if let Some(group) = &wanted.group {
        if plan.role == Role::Run {
            match spawn_in_cgroup(command, group) {
                Ok(pid) => return pinned(pid, group).map(|leader| (leader, Pipes::default())),
                Err(SpawnError::Program(error)) => return Err(error),
                // An older kernel, or a filter of system calls: it goes in after it was forked.
                Err(SpawnError::Group(_)) => {}
            }
        }
        if let Ok(entrance) = group.entrance().map(Arc::new) {
            BeforeExec::new()
                .enter(Arc::clone(&entrance))
                .apply(command);
            if let Ok(child) = fork::executing(|| command.spawn()) {
                return Ok(with_pipes(child));
            }
            entrance.close();
        }
        // Whether the group or the program refused is unknown: without the group the program decides.
        wanted.give_up();
        wanted.missing = Some("the command could not enter it".into());
    }
    fork::executing(|| command.spawn()).map(with_pipes)
}

fn pinned(pid: i32, group: &Cgroup) -> io::Result<Leader> {
    // Not reaped before it is collected through its pidfd, so the PID is still its own.
    match PinnedProcess::pin(pid) {
        Ok(pinned) => Ok(Leader::pinned_only(pinned)),
        Err(error) => {
            group.kill()?;
            Err(error)
        }
    }
}

fn with_pipes(mut child: Child) -> (Leader, Pipes) {
    let pipes = Pipes {
        stdin: child.stdin.take(),
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
    };
    (Leader::of(child), pipes)
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
