//! Killing a tree until nothing of it is left.

use std::io;
use std::sync::Arc;

use backstop_os::cgroup::is_removed;
use backstop_os::pinned::{PinnedProcess, still_running};
use backstop_os::process_group;
use backstop_os::signal::Signal;
use backstop_os::takedown::Reap;
use backstop_os::tree;

use super::contained_child::ContainedChild;
use super::containment::Containment;
use crate::resource::Deadline;

impl ContainedChild {
    /// Kills until nothing is left or the deadline has come, and returns how many processes are.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub(super) fn kill(&self, deadline: Deadline) -> io::Result<usize> {
        match (self.containment, self.leader.pinned()) {
            (containment, _) if containment >= Containment::Walk => self.kill_members(deadline),
            (Containment::ProcessGroup, Some(leader)) => self.kill_group(leader, deadline),
            _ => {
                let _ = self.leader.signal(Signal::KILL)?;
                self.leader.wait(Some(deadline))?;
                Ok(usize::from(!self.leader.reap()))
            }
        }
    }

    fn kill_members(&self, deadline: Deadline) -> io::Result<usize> {
        self.kill_all_found(deadline)?;
        // The child's status is read before anything below collects it: a caller that waits for the
        // child must not miss it.
        self.leader.wait(Some(deadline))?;
        self.leader.status();
        loop {
            // Not under the lock: a caller that asks for the members meanwhile must not wait for the
            // dying.
            let known = self.known.lock().clone();
            let takedown = self.with_traces(&known, |traces| {
                tree::kill_until_empty(traces, &[], Reap::OwnChildren, deadline.instant())
            })?;
            self.leader.note(&takedown.reaped);
            if takedown.is_empty {
                return Ok(0);
            }
            let left = self.scan()?.len();
            if left == 0 || deadline.has_passed() {
                return Ok(left);
            }
        }
    }

    /// Kills all that is found while they still have their parents, and collects those that die of
    /// it: what is searched afterwards is the shorter for each of them.
    fn kill_all_found(&self, deadline: Deadline) -> io::Result<()> {
        let found: Vec<Arc<PinnedProcess>> = self.scan()?.clone();
        if found.is_empty() {
            return Ok(());
        }
        let killed = self
            .cgroup
            .as_ref()
            .map(|group| tree::kill_at_once(group, &[]));
        for member in &found {
            // One that refuses is found again below, and named if it stays. What the group's own kill
            // reached takes no harm from a second signal; one in another group needs it.
            let _ = member.signal(Signal::KILL);
        }
        // One that does not die must not keep the rest from being found.
        let patience = Deadline::after(deadline.remaining() / 2);
        still_running(&found, patience.instant())?;
        self.forget_the_dead(&mut self.known.lock());
        match killed {
            Some(Err(error)) if !is_removed(&error) => Err(error),
            _ => Ok(()),
        }
    }

    fn kill_group(&self, leader: &PinnedProcess, deadline: Deadline) -> io::Result<usize> {
        // Once its leader is collected, the group's number may be another's: all signals come first.
        if !self.leader.reap_is_done() {
            let _ = process_group::signal_group(leader, Signal::KILL)?;
            if !self.leader.wait(Some(deadline))? {
                return Ok(1);
            }
            self.leader.reap();
        }
        Ok(usize::from(process_group::is_inhabited(leader)?))
    }
}
