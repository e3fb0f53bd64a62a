//! Starting the command of a run: the intent, the containment, the command itself.

use std::process::Command;

use backstop_core::Backstop;
use backstop_core::error::{Error, Stage};
use backstop_core::release::Tracked;
use backstop_core::tree::{AnnouncedTree, ContainedChild, Containment, TreePlan};
use backstop_os::before_exec::BeforeExec;
use backstop_os::identity::Cookie;
use backstop_os::signals::SignalSource;

use super::plan::{ContainmentChoice, KIND, RunPlan, Scratch};

/// What is needed to start the command.
pub(super) struct Setup<'a> {
    pub(super) plan: &'a RunPlan,
    pub(super) cookie: Cookie,
    pub(super) signals: &'a SignalSource,
    pub(super) containment_notes: Vec<String>,
}

impl Setup<'_> {
    /// Records the tree before it exists, so that a sweep finds it whenever any of the processes is killed.
    pub(super) fn announce(&self, backstop: Backstop) -> Result<AnnouncedTree, Error> {
        let at_most = match self.plan.containment {
            ContainmentChoice::Strongest => Containment::Cgroup,
            ContainmentChoice::Only(containment) => containment,
        };
        TreePlan::of_run(self.cookie)
            .at_most(at_most)
            .grace(self.plan.grace)
            .announce(backstop.intend(KIND, self.plan.command_line()))
    }

    pub(super) fn start(
        &mut self,
        announced: AnnouncedTree,
        scratch: Option<&dyn Scratch>,
    ) -> Result<Tracked<ContainedChild>, Error> {
        let mut command = self.command(scratch)?;
        let mut before = BeforeExec::new().unblock(self.signals);
        if let Some(most) = self.plan.open_files {
            before = before.limit_open_files(most);
        }
        let spawned = announced.spawn(&mut command, before)?;
        let missing = spawned.without_cgroup.iter();
        self.containment_notes
            .extend(missing.map(|why| format!("no cgroup: {why}")));
        Ok(spawned.intent.fulfil(spawned.child))
    }

    /// The command with its environment.
    fn command(&self, scratch: Option<&dyn Scratch>) -> Result<Command, Error> {
        let mut words = self.plan.command.iter();
        let program = words.next().ok_or_else(|| {
            let missing = std::io::ErrorKind::InvalidInput.into();
            Error::io(Stage::Open, "the command cannot be started", missing)
        })?;
        let mut command = Command::new(program);
        command.args(words);
        if let Some(scratch) = scratch {
            for name in ["TMPDIR", "TMP", "TEMP", "TEMPDIR"] {
                command.env(name, scratch.path());
            }
        }
        Ok(command)
    }
}
