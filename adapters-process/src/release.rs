//! The ladder's rungs on a tree, and the look whether it is gone.

use backstop_core::error::{Error, Stage};
use backstop_core::resource::{Deadline, Presence, Progress, Rung};
use backstop_os::signal::Signal;

use crate::error;
use crate::tree::Tree;

/// How many processes a holder's text names one by one.
const NAMED: usize = 8;

impl Tree {
    /// Lets go on one rung: `SIGTERM` to the child, `SIGTERM` to the tree, `SIGKILL` to the tree until
    /// it is empty.
    pub(crate) fn release(
        &self,
        label: &str,
        rung: Rung,
        deadline: Deadline,
    ) -> Result<Progress, Error> {
        let failed =
            |cause| Error::io(Stage::Release, "the tree cannot be signalled", cause).of(label);
        match rung {
            // There is no child left to ask: what it left behind gets the signal itself.
            Rung::Ask if self.leader.has_exited() => self.end(Who::Tree),
            Rung::Ask => self.ask(deadline),
            Rung::Insist => self.end(Who::Tree),
            Rung::Force => {
                let left = self.kill(deadline).map_err(failed)?;
                return match left {
                    0 => Ok(Progress::Done),
                    left => Err(error::alive(label, left)),
                };
            }
        }
        .map_err(failed)?;
        Ok(Progress::Pending)
    }

    /// Asks the child, and once it is gone, what it leaves: nobody else will tell them.
    fn ask(&self, deadline: Deadline) -> std::io::Result<()> {
        // Found now, while all of them still have their parents.
        let looked = self.members().map(drop);
        self.end(Who::Child)?;
        if self.leader.wait(Some(deadline))? {
            self.end(Who::Tree)?;
        }
        looked
    }

    /// `SIGTERM`, and `SIGCONT` after it: a stopped process would take it only when it goes on.
    fn end(&self, who: Who) -> std::io::Result<()> {
        for signal in [Signal::TERM, Signal::CONT] {
            match who {
                Who::Child if self.leader.pinned().is_some() => {
                    let _ = self.leader.signal(signal)?;
                }
                Who::Tree if self.leader.pinned().is_some() => {
                    self.signal(signal)?;
                }
                // Without a handle on the child the only signal is the one of the last rung.
                _ => {}
            }
        }
        Ok(())
    }

    /// Looks whether nothing of it lives and the child's status is collected.
    pub(crate) fn verify(&self) -> Presence {
        let unreadable = |error: std::io::Error| Presence::unknown(format!("cannot look: {error}"));
        let members = match self.members() {
            Ok(members) => members,
            Err(error) => return unreadable(error),
        };
        if !members.is_empty() {
            let mut names: Vec<String> = members
                .iter()
                .take(NAMED)
                .map(|member| format!("pid {} ({})", member.pid, member.command))
                .collect();
            if members.len() > NAMED {
                names.push(format!("{} more", members.len() - NAMED));
            }
            return Presence::present(names.join(", "));
        }
        if self.unsettled() > 0 {
            return Presence::unknown(format!(
                "{} processes could not be told just now",
                self.unsettled()
            ));
        }
        match self.unlisted() {
            Ok(None) => {}
            Ok(Some(holder)) => return Presence::present(holder),
            Err(error) => return unreadable(error),
        }
        if !self.leader.reap() {
            return Presence::present(format!("pid {}", self.leader.pid()));
        }
        // Whoever saw the last process go takes the group away: nobody comes by later.
        match self.dissolve() {
            Ok(()) => Presence::Gone,
            Err(error) => Presence::present(format!("its control group, which stays: {error}")),
        }
    }
}

#[derive(Clone, Copy)]
enum Who {
    Child,
    Tree,
}
