//! What stands before a command runs: the intent, the containment, the command itself.

use std::process::Command;

use backstop_core::Backstop;
use backstop_core::error::{Error, Stage};
use backstop_core::release::{Intent, Tracked};
use backstop_core::resource::Recipe;
use backstop_os::before_exec::BeforeExec;
use backstop_os::cgroup::{Cgroup, Entrance};
use backstop_os::fork;
use backstop_os::identity::Cookie;
use backstop_os::pinned::PinnedProcess;
use backstop_os::signals::SignalSource;
use backstop_os::spawn_error::SpawnError;
use backstop_os::spawn_in_cgroup::spawn_in_cgroup;

use super::containment::{cgroup_name, open_cgroup};
use super::plan::{RunPlan, Scratch};
use super::tree::{KIND, RunRecipe, Tree};

/// What stands before the command runs.
pub(super) struct Setup<'a> {
    pub(super) plan: &'a RunPlan,
    pub(super) cookie: Cookie,
    pub(super) signals: &'a SignalSource,
    pub(super) containment_notes: Vec<String>,
}

impl Setup<'_> {
    /// Writes down what is about to exist, so that a sweep finds it whoever is killed when.
    pub(super) fn announce(&self, backstop: Backstop) -> Intent {
        let recipe = RunRecipe {
            cookie: self.cookie,
            cgroup_path: Cgroup::path_for(&cgroup_name(self.cookie)).ok(),
            cgroup: None,
            leader: None,
        };
        let draft = backstop.intend(KIND, self.plan.command_line());
        match Recipe::of(&recipe) {
            Ok(recipe) => draft.recipe(recipe).declare(),
            // A recipe of a cookie and a path always fits.
            Err(_) => draft.declare(),
        }
    }

    pub(super) fn start(
        &mut self,
        intent: Intent,
        scratch: Option<&dyn Scratch>,
    ) -> Result<(Tracked<Tree>, PinnedProcess), Error> {
        let cgroup = open_cgroup(self.plan.containment, self.cookie).unwrap_or_else(|why| {
            self.containment_notes.push(why);
            None
        });
        let mut tree = Tree::new(self.plan.command_line(), self.cookie, cgroup);
        let mut spawned = self.spawn(&tree, scratch);
        if spawned.is_err() && tree.cgroup().is_some() {
            // Whether the group or the program refused cannot be told apart: the program will tell.
            tree = tree.without_cgroup();
            spawned = self.spawn(&tree, scratch);
            if spawned.is_ok() {
                self.containment_notes
                    .push("no control group: the command could not enter it".into());
            }
        }
        let pid = match spawned {
            Ok(pid) => pid,
            Err(error) => {
                drop(tree.without_cgroup());
                intent.abandon();
                return Err(Error::io(
                    Stage::Open,
                    "the command cannot be started",
                    error,
                ));
            }
        };
        // Not reaped before this loop runs, so the number is still the command's.
        let leader = PinnedProcess::pin(pid)
            .map_err(|error| Error::io(Stage::Open, "the command cannot be pinned", error))?;
        let tree = tree.with_leader(leader.identity().ok());
        Ok((intent.fulfil(tree), leader))
    }

    fn spawn(&self, tree: &Tree, scratch: Option<&dyn Scratch>) -> std::io::Result<i32> {
        if let Some(group) = tree.cgroup() {
            let mut command = self.command(scratch, None)?;
            match spawn_in_cgroup(&mut command, group) {
                Ok(pid) => return Ok(pid),
                Err(SpawnError::Program(error)) => return Err(error),
                // An older kernel, or a filter of system calls: it goes in after it was forked.
                Err(SpawnError::Group(_)) => {}
            }
        }
        let entrance = tree.cgroup().map(Cgroup::entrance).transpose()?;
        let mut command = self.command(scratch, entrance)?;
        // Reaped by its pidfd, as everything beneath this process is.
        let child = fork::executing(|| command.spawn())?;
        i32::try_from(child.id()).map_err(|_| std::io::ErrorKind::InvalidData.into())
    }

    /// The command with its environment, and what it does before it executes.
    fn command(
        &self,
        scratch: Option<&dyn Scratch>,
        entrance: Option<Entrance>,
    ) -> std::io::Result<Command> {
        let mut words = self.plan.command.iter();
        let program = words.next().ok_or(std::io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command
            .args(words)
            .env(Cookie::ENVIRONMENT_VARIABLE, self.cookie.to_string());
        if let Some(scratch) = scratch {
            for name in ["TMPDIR", "TMP", "TEMP", "TEMPDIR"] {
                command.env(name, scratch.path());
            }
        }
        let mut before = BeforeExec::new().unblock(self.signals);
        if let Some(entrance) = entrance {
            before = before.enter(entrance);
        }
        if let Some(most) = self.plan.open_files {
            before = before.limit_open_files(most);
        }
        before.apply(&mut command);
        Ok(command)
    }
}
