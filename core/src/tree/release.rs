//! The ladder's rungs on a tree, and the check whether it is gone.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use backstop_os::cgroup::{Cgroup, is_removed};
use backstop_os::process_group;
use backstop_os::signal::Signal;

use super::contained_child::ContainedChild;
use super::containment::Containment;
use super::recipe::TreeRecipe;
use crate::error::{Error, ErrorKind, Stage};
use crate::resource::{
    Blocking, Deadline, Footprint, Kind, Presence, Progress, Recipe, Rung, Step, TrackedResource,
};

/// How many processes a holder's text names one by one.
const NAMED: usize = 8;

/// The most of a rung's time that is kept for what comes after its last signal.
const RESERVE: Duration = Duration::from_millis(200);

impl TrackedResource for ContainedChild {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn label(&self) -> Cow<'static, str> {
        self.label.clone().into()
    }

    fn footprint(&self) -> Footprint {
        Footprint::handles(1)
    }

    fn recipe(&self) -> Option<Recipe> {
        let leader = self.leader.pinned();
        let recipe = TreeRecipe {
            cgroup: self.cgroup.as_ref().map(|group| group.identity().clone()),
            leader: leader.and_then(|leader| leader.identity().ok()),
            ..self.recipe.clone()
        };
        recipe.to_recipe().ok()
    }

    /// Where everything is beneath this process and nothing is left, there is nothing to wait for.
    fn blocking(&self) -> Blocking {
        let is_empty = || self.scan().is_ok_and(|living| living.is_empty());
        match self.adopts_orphans && is_empty() {
            true => Blocking::Never,
            false => Blocking::Possible,
        }
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        // The ladder abandons a call that takes all of its time, and would not learn how it ended.
        let left = step.deadline.remaining();
        let deadline = Deadline::after(left - (left / 8).min(RESERVE));
        self.release_by(step.rung, deadline)
    }

    fn verify(&self) -> Presence {
        self.presence()
            .unwrap_or_else(|error| Presence::unknown(format!("cannot be checked: {error}")))
    }
}

impl ContainedChild {
    /// Releases on one rung: `SIGTERM` to the child, `SIGTERM` to the tree, `SIGKILL` to the tree until
    /// it is empty. It takes no longer than until `deadline`.
    ///
    /// # Errors
    /// The tree cannot be read, a signal is not permitted, or processes are still running after SIGKILL.
    pub fn release_by(&self, rung: Rung, deadline: Deadline) -> Result<Progress, Error> {
        let failed = |cause| {
            Error::io(Stage::Release, "the tree cannot be signalled", cause).of(&*self.label)
        };
        match rung {
            // There is no child left to ask: what it left behind gets the signal itself.
            Rung::Ask if self.leader.has_exited() => self.end(Target::Tree),
            Rung::Ask => self.ask(deadline),
            Rung::Insist => self.end(Target::Tree),
            Rung::Force => {
                return match self.kill(deadline).map_err(failed)? {
                    0 => Ok(Progress::Done),
                    left => Err(still_running(&self.label, left)),
                };
            }
        }
        .map_err(failed)?;
        Ok(Progress::Pending)
    }

    /// Asks the child, and once it is gone, what it leaves: no other process will.
    fn ask(&self, deadline: Deadline) -> io::Result<()> {
        // Found now, while all of them still have their parents.
        let scanned = self.scan().map(drop);
        self.end(Target::Child)?;
        if self.leader.wait(Some(deadline))? {
            self.end(Target::Tree)?;
        }
        scanned
    }

    /// `SIGTERM`, and `SIGCONT` after it: a stopped process would take it only when it continues.
    fn end(&self, target: Target) -> io::Result<()> {
        if self.leader.pinned().is_none() && self.containment < Containment::Walk {
            // Without a pidfd of the child the only signal is the one of the last rung.
            return Ok(());
        }
        for signal in [Signal::TERM, Signal::CONT] {
            match target {
                Target::Child if self.leader.pinned().is_some() => {
                    let _ = self.leader.signal(signal)?;
                }
                Target::Child => {}
                Target::Tree => {
                    self.send(signal)?;
                }
            }
        }
        Ok(())
    }

    /// Whether nothing of it lives and the child's status is collected.
    fn presence(&self) -> io::Result<Presence> {
        let living = self.scan()?;
        if !living.is_empty() {
            let members = living.iter().take(NAMED);
            let mut names: Vec<String> = members
                .map(|process| super::contained_child::member(process))
                .map(|member| format!("pid {} ({})", member.pid, member.command))
                .collect();
            if living.len() > NAMED {
                names.push(format!("{} more", living.len() - NAMED));
            }
            return Ok(Presence::present(names.join(", ")));
        }
        drop(living);
        if self.unsettled() > 0 {
            return Ok(Presence::unknown(format!(
                "{} processes could not be identified yet",
                self.unsettled()
            )));
        }
        if let Some(holder) = self.unlisted()? {
            return Ok(Presence::present(holder));
        }
        if !self.leader.reap() {
            return Ok(Presence::present(format!("pid {}", self.leader.pid())));
        }
        // The last process is gone: this is the last chance to remove the group.
        Ok(match self.cgroup.as_ref().map(Cgroup::remove) {
            Some(Err(error)) if !is_removed(&error) => {
                Presence::present(format!("its cgroup, which cannot be removed: {error}"))
            }
            _ => Presence::Gone,
        })
    }

    /// Whether the containment's own evidence says that something lives which cannot be listed.
    fn unlisted(&self) -> io::Result<Option<String>> {
        if let Some(group) = &self.cgroup {
            return match group.is_populated() {
                Ok(false) => Ok(None),
                Ok(true) => Ok(Some(format!(
                    "processes of cgroup {} that cannot be seen from here",
                    group.identity().path.display()
                ))),
                Err(error) if is_removed(&error) => Ok(None),
                Err(error) => Err(error),
            };
        }
        match (self.containment, self.leader.pinned()) {
            (Containment::ProcessGroup, Some(leader)) if process_group::is_inhabited(leader)? => {
                Ok(Some(format!("members of process group {}", leader.pid())))
            }
            _ => Ok(None),
        }
    }
}

#[derive(Clone, Copy)]
enum Target {
    Child,
    Tree,
}

fn still_running(label: &str, count: usize) -> Error {
    Error::new(
        ErrorKind::Deadline,
        Stage::Release,
        "processes are still running after SIGKILL",
    )
    .of(label)
    .with("count", count)
}
