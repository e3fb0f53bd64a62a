//! A child with everything that it started, as far as its containment reaches.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use backstop_os::cgroup::Cgroup;
use backstop_os::identity::Cookie;
use backstop_os::liveness::Delivery;
use backstop_os::pinned::PinnedProcess;
use backstop_os::process_group;
use backstop_os::signal::Signal;
use backstop_os::takedown::{OwnDescendants, Roots, Traces};
use backstop_os::tree;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use super::containment::Containment;
use super::leader::Leader;
use super::recipe::TreeRecipe;
use crate::error::{Error, Stage};
use crate::resource::{Deadline, Kind};

/// A child with everything that it started.
///
/// # Guarantees
/// After a release that ended `released`, no living process is left that the child started and that its
/// [containment](Self::containment) reaches, and its exit status was collected. Whichever process was
/// found to belong to the tree once belongs to it until it has exited, whatever becomes of its parents,
/// its environment and its cgroup.
///
/// # When it does not hold
/// The limits of each [`Containment`] are documented there. If the program ignores `SIGCHLD` or waits for
/// all children, the exit status is lost; the child is released all the same.
pub struct ContainedChild {
    pub(super) kind: Kind,
    pub(super) label: String,
    pub(super) leader: Leader,
    pub(super) recipe: TreeRecipe,
    pub(super) containment: Containment,
    pub(super) cgroup: Option<Cgroup>,
    /// Whether everything beneath this process is of the tree.
    pub(super) adopts_orphans: bool,
    /// Those found so far that still live. They stay the tree's when their parents die and they
    /// carry no cookie.
    pub(super) known: Mutex<Vec<Arc<PinnedProcess>>>,
    /// How many processes the last scan could not identify.
    unsettled: AtomicUsize,
}

/// One living process of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The PID.
    pub pid: i32,
    /// Its program's name, cut by the kernel to 15 bytes.
    pub command: String,
}

impl ContainedChild {
    pub(super) fn new(
        kind: Kind,
        label: String,
        leader: Leader,
        recipe: TreeRecipe,
        containment: Containment,
        cgroup: Option<Cgroup>,
        adopts_orphans: bool,
    ) -> Self {
        Self {
            kind,
            label,
            leader,
            recipe,
            containment,
            cgroup,
            adopts_orphans,
            known: Mutex::default(),
            unsettled: AtomicUsize::new(0),
        }
    }

    /// The child's PID, which is its own until the release.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.leader.pid()
    }

    /// How its tree is held together.
    #[must_use]
    pub fn containment(&self) -> Containment {
        self.containment
    }

    /// In the environment of the child and of what it starts.
    #[must_use]
    pub fn cookie(&self) -> Cookie {
        self.recipe.cookie
    }

    /// Its cgroup, if it has one.
    #[must_use]
    pub fn cgroup(&self) -> Option<&Cgroup> {
        self.cgroup.as_ref()
    }

    /// The child, held by its pidfd; `None` where processes cannot be pinned.
    #[must_use]
    pub fn pinned(&self) -> Option<&PinnedProcess> {
        self.leader.pinned()
    }

    /// Whether the child has exited. What it started may live on.
    #[must_use]
    pub fn has_exited(&self) -> bool {
        self.leader.has_exited()
    }

    /// The child's exit status; `None` if it still runs, or other code of this process collected it.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        self.leader.status()
    }

    /// Waits until the child has exited; false if the deadline came first. What it started may live on.
    ///
    /// # Errors
    /// The kernel refused to wait.
    pub fn wait(&self, deadline: Option<Deadline>) -> Result<bool, Error> {
        self.leader
            .wait(deadline)
            .map_err(|cause| used("the child cannot be waited for", cause))
    }

    /// Sends a signal to the child only.
    ///
    /// # Errors
    /// The permission is missing.
    pub fn signal_child(&self, signal: Signal) -> Result<Delivery, Error> {
        self.leader
            .signal(signal)
            .map_err(|cause| used("the child cannot be signalled", cause))
    }

    /// Sends a signal to every living process of the tree and returns to how many; a process group
    /// counts as one.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn signal(&self, signal: Signal) -> Result<usize, Error> {
        self.send(signal)
            .map_err(|cause| used("the tree cannot be signalled", cause))
    }

    /// The living processes of the tree. Those in the group of an exited leader cannot be listed.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        let processes = self.processes()?;
        Ok(processes.iter().map(|process| member(process)).collect())
    }

    /// The same, each held by its pidfd.
    ///
    /// # Errors
    /// The tree cannot be read.
    pub fn processes(&self) -> Result<Vec<Arc<PinnedProcess>>, Error> {
        let living = self.scan().map(|known| known.clone());
        living.map_err(|cause| used("the tree cannot be read", cause))
    }

    /// Collects the exit statuses of all children of this process that have ended. Only for a process that
    /// starts nothing but this tree.
    pub fn reap_children(&self) {
        // What cannot be collected now is collected later, at the latest by the release.
        self.leader
            .note(&tree::reap_children(&[]).unwrap_or_default());
    }

    pub(super) fn send(&self, signal: Signal) -> io::Result<usize> {
        let one = |delivery| usize::from(delivery == Delivery::Sent);
        match (self.containment, self.leader.pinned()) {
            (Containment::ProcessGroup, Some(leader)) => {
                process_group::signal_group(leader, signal).map(one)
            }
            (containment, _) if containment >= Containment::Walk => {
                let living = self.scan()?;
                let sent = |member: &&Arc<PinnedProcess>| {
                    matches!(member.signal(signal), Ok(Delivery::Sent))
                };
                Ok(living.iter().filter(sent).count())
            }
            _ => self.leader.signal(signal).map(one),
        }
    }

    /// Finds the living processes, and remembers them.
    pub(super) fn scan(&self) -> io::Result<MutexGuard<'_, Vec<Arc<PinnedProcess>>>> {
        let mut known = self.known.lock();
        self.forget_the_dead(&mut known);
        if self.containment >= Containment::Walk {
            let scan = self.with_traces(&known, |traces| tree::members(traces, &[]))?;
            // Relaxed: read by the caller of this scan, for its own result.
            self.unsettled.store(scan.unsettled, Ordering::Relaxed);
            add(&mut known, scan.found);
        } else if let Some(leader) = self.leader.pinned().filter(|leader| !leader.has_exited()) {
            add(&mut known, vec![PinnedProcess::pin(leader.pid())?]);
        }
        Ok(known)
    }

    /// How many processes the last scan could not identify: while there are any, to have found none
    /// proves nothing.
    pub(super) fn unsettled(&self) -> usize {
        self.unsettled.load(Ordering::Relaxed)
    }

    /// All by which the tree is found, with the processes that are known already.
    pub(super) fn with_traces<T>(
        &self,
        known: &[Arc<PinnedProcess>],
        act: impl FnOnce(Roots<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let leader = self.leader.pinned().into_iter();
        let processes: Vec<&PinnedProcess> = leader.chain(known.iter().map(Arc::as_ref)).collect();
        act(Roots::Traces(Traces {
            cgroup: self.cgroup.as_ref(),
            // Where orphans come to this process, none can be anywhere else.
            cookie: (!self.adopts_orphans).then_some(&self.recipe.cookie),
            processes: &processes,
            own_descendants: match self.adopts_orphans {
                true => OwnDescendants::Members,
                false => OwnDescendants::Others,
            },
        }))
    }

    /// Drops those that have exited, and collects them where this process adopts orphans: no other
    /// process does.
    pub(super) fn forget_the_dead(&self, known: &mut Vec<Arc<PinnedProcess>>) {
        let own = i32::try_from(self.leader.pid()).ok();
        known.retain(|member| {
            let has_exited = member.has_exited();
            // The child itself is collected where its status is kept.
            if has_exited && Some(member.pid()) != own {
                let _ = member.reap();
            }
            !has_exited
        });
    }
}

impl fmt::Debug for ContainedChild {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ContainedChild")
            .field("pid", &self.pid())
            .field("label", &self.label)
            .field("containment", &self.containment)
            .finish_non_exhaustive()
    }
}

pub(super) fn member(process: &PinnedProcess) -> Member {
    Member {
        pid: process.pid(),
        command: process.stat().map_or_else(|_| "?".into(), |stat| stat.comm),
    }
}

fn used(message: &'static str, cause: io::Error) -> Error {
    Error::io(Stage::Use, message, cause)
}

/// A living process keeps its PID, so one with the PID of a known living one is that one.
fn add(known: &mut Vec<Arc<PinnedProcess>>, found: Vec<PinnedProcess>) {
    let mut pids: HashSet<i32> = known.iter().map(|process| process.pid()).collect();
    let new = found
        .into_iter()
        .filter(|process| pids.insert(process.pid()));
    known.extend(new.map(Arc::new));
}
