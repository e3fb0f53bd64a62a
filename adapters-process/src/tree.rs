//! A child with everything that it started, as far as its containment reaches.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstop_core::resource::Deadline;
use backstop_os::cgroup::Cgroup;
use backstop_os::identity::Cookie;
use backstop_os::liveness::Delivery;
use backstop_os::pinned::{PinnedProcess, still_running};
use backstop_os::process_group;
use backstop_os::signal::Signal;
use backstop_os::takedown::{Reap, Roots};
use backstop_os::tree;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use crate::containment::Containment;
use crate::leader::Leader;

/// A child with everything that it started.
pub(crate) struct Tree {
    pub(crate) leader: Leader,
    pub(crate) cookie: Cookie,
    pub(crate) containment: Containment,
    pub(crate) cgroup: Option<Cgroup>,
    /// Those found so far that still live. They stay the tree's when their parents die and they
    /// carry no cookie.
    known: Mutex<Vec<PinnedProcess>>,
    /// How many processes the last look could not tell.
    unsettled: AtomicUsize,
}

/// One living process of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The process number.
    pub pid: i32,
    /// Its program's name, cut by the kernel to 15 bytes.
    pub command: String,
}

impl Tree {
    pub(crate) fn new(
        leader: Leader,
        cookie: Cookie,
        containment: Containment,
        cgroup: Option<Cgroup>,
    ) -> Self {
        Self {
            leader,
            cookie,
            containment,
            cgroup,
            known: Mutex::default(),
            unsettled: AtomicUsize::new(0),
        }
    }

    /// The living processes, of which those in a group of an exited leader cannot be told.
    pub(crate) fn members(&self) -> io::Result<Vec<Member>> {
        let living = self.look()?;
        Ok(living.iter().map(member).collect())
    }

    /// How many processes the last look could not tell: while there are any, to have found nobody
    /// proves nothing.
    pub(crate) fn unsettled(&self) -> usize {
        self.unsettled.load(Ordering::Relaxed)
    }

    /// Sends a signal to every living process, and says to how many.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<usize> {
        match (self.containment, self.leader.pinned()) {
            (Containment::ProcessGroup, Some(leader)) => {
                let delivery = process_group::signal_group(leader, signal)?;
                Ok(usize::from(delivery == Delivery::Sent))
            }
            (Containment::Walk | Containment::Cgroup, Some(_)) => {
                let living = self.look()?;
                let sent =
                    |member: &&PinnedProcess| matches!(member.signal(signal), Ok(Delivery::Sent));
                Ok(living.iter().filter(sent).count())
            }
            _ => Ok(usize::from(self.leader.signal(signal)? == Delivery::Sent)),
        }
    }

    /// Kills until nothing is left or the deadline has come, and gives how many are.
    pub(crate) fn kill(&self, deadline: Deadline) -> io::Result<usize> {
        match (self.containment, self.leader.pinned()) {
            (Containment::Cgroup | Containment::Walk, Some(leader)) => {
                self.kill_members(leader, deadline)
            }
            (Containment::ProcessGroup, Some(leader)) => self.kill_group(leader, deadline),
            _ => {
                let _ = self.leader.signal(Signal::KILL)?;
                self.leader.wait(Some(deadline))?;
                Ok(usize::from(!self.leader.reap()))
            }
        }
    }

    fn kill_members(&self, leader: &PinnedProcess, deadline: Deadline) -> io::Result<usize> {
        self.kill_all_found(deadline)?;
        // The child's status is read before anything below collects it: whoever waits for the child
        // must not miss it.
        self.leader.wait(Some(deadline))?;
        self.leader.status();
        loop {
            match &self.cgroup {
                Some(group) => self.kill_beneath(Roots::Cgroup(group), deadline)?,
                None => {
                    self.kill_beneath(Roots::DescendantsOf(leader), deadline)?;
                    self.kill_beneath(Roots::WithCookie(&self.cookie), deadline)?;
                    self.kill_strays(deadline)?;
                }
            }
            let left = self.look()?.len();
            if left == 0 || deadline.has_passed() {
                return Ok(left);
            }
        }
    }

    /// Kills all that can be found while they still have their parents, and collects those that die of
    /// it: what is looked through afterwards is the shorter for each of them.
    fn kill_all_found(&self, deadline: Deadline) -> io::Result<()> {
        // Not under the lock: whoever asks for the members meanwhile must not wait for the dying.
        let found = std::mem::take(&mut *self.look()?);
        let is_killed = match &self.cgroup {
            Some(group) => tree::kill_at_once(group, &[]),
            None => Ok(false),
        };
        if !matches!(is_killed, Ok(true)) {
            for member in &found {
                // One that refuses is found again below, and named if it stays.
                let _ = member.signal(Signal::KILL);
            }
        }
        // One that does not die must not keep the rest from being looked for.
        let patience = Deadline::after(deadline.remaining() / 2);
        let waited = still_running(&found, patience.instant()).map(drop);
        // Back first: those that live must not be forgotten by a failure.
        let mut known = self.known.lock();
        add(&mut known, found);
        self.forget_the_dead(&mut known);
        is_killed.and(waited)
    }

    /// Kills those that were found once, have no cookie and lost their parents, and what they forked.
    fn kill_strays(&self, deadline: Deadline) -> io::Result<()> {
        let mut known = self.known.lock();
        self.forget_the_dead(&mut known);
        let strays = std::mem::take(&mut *known);
        drop(known);
        if strays.is_empty() {
            return Ok(());
        }
        let roots: Vec<&PinnedProcess> = strays.iter().collect();
        let killed = self.kill_beneath(Roots::DescendantsOfAny(&roots), deadline);
        add(&mut self.known.lock(), strays);
        killed
    }

    fn kill_beneath(&self, roots: Roots<'_>, deadline: Deadline) -> io::Result<()> {
        let takedown = tree::kill_until_empty(roots, &[], Reap::OwnChildren, deadline.instant())?;
        self.leader.note(&takedown.reaped);
        Ok(())
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

    /// Finds the living processes, and remembers them.
    pub(crate) fn look(&self) -> io::Result<MutexGuard<'_, Vec<PinnedProcess>>> {
        let mut known = self.known.lock();
        self.forget_the_dead(&mut known);
        match (&self.cgroup, self.leader.pinned()) {
            (Some(group), _) => match tree::members(Roots::Cgroup(group), &[]) {
                Ok(scan) => add(&mut known, scan.found),
                // It was removed when it was empty.
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            },
            (None, Some(leader)) if self.containment == Containment::Walk => {
                let beneath = tree::members(Roots::DescendantsOf(leader), &[])?;
                let with_cookie = tree::members(Roots::WithCookie(&self.cookie), &[])?;
                // Relaxed: read by whoever looked, for the answer to that look.
                self.unsettled
                    .store(beneath.unsettled + with_cookie.unsettled, Ordering::Relaxed);
                let mut found = beneath.found;
                found.extend(with_cookie.found);
                let seen: HashSet<i32> = found.iter().map(PinnedProcess::pid).collect();
                let strays: Vec<&PinnedProcess> = known
                    .iter()
                    .filter(|one| !seen.contains(&one.pid()))
                    .collect();
                if !strays.is_empty() {
                    found.extend(tree::members(Roots::DescendantsOfAny(&strays), &[])?.found);
                }
                add(&mut known, found);
            }
            (None, Some(leader)) if !leader.has_exited() => {
                add(&mut known, vec![PinnedProcess::pin(leader.pid())?]);
            }
            _ => {}
        }
        Ok(known)
    }

    /// Strikes those that have exited, and collects them where this process takes in orphans: nobody
    /// else does.
    fn forget_the_dead(&self, known: &mut Vec<PinnedProcess>) {
        let own = i32::try_from(self.leader.pid()).ok();
        known.retain(|member| {
            let has_exited = member.has_exited();
            // The child itself is collected by whoever holds its status.
            if has_exited && Some(member.pid()) != own {
                let _ = member.reap();
            }
            !has_exited
        });
    }

    /// Whether the containment's own evidence says that something lives which cannot be listed.
    pub(crate) fn unlisted(&self) -> io::Result<Option<String>> {
        if let Some(group) = &self.cgroup {
            return match group.is_populated() {
                Ok(false) => Ok(None),
                Ok(true) => Ok(Some(format!(
                    "processes of control group {} that cannot be seen from here",
                    group.identity().path.display()
                ))),
                Err(error) if is_gone(&error) => Ok(None),
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

    /// Removes the control group, which must be empty.
    pub(crate) fn dissolve(&self) -> io::Result<()> {
        match self.cgroup.as_ref().map(Cgroup::remove) {
            Some(Err(error)) if !is_gone(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether the error only says that a control group is no longer there.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    /// What the kernel answers about a removed control group that is still open.
    const NO_DEVICE: i32 = 19;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_DEVICE)
}

pub(crate) fn member(process: &PinnedProcess) -> Member {
    Member {
        pid: process.pid(),
        command: process.stat().map_or_else(|_| "?".into(), |stat| stat.comm),
    }
}

/// A living process keeps its number, so one with the number of a known living one is that one.
fn add(known: &mut Vec<PinnedProcess>, found: Vec<PinnedProcess>) {
    let mut numbers: HashSet<i32> = known.iter().map(PinnedProcess::pid).collect();
    known.extend(
        found
            .into_iter()
            .filter(|process| numbers.insert(process.pid())),
    );
}
