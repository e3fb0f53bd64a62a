//! One scan of a tree of processes: each is found, pinned, and proven to belong to it.

use std::collections::HashSet;
use std::io;
use std::process::ExitStatus;

use super::pinned::PinnedProcess;
use super::process_table::{self, Family};
use super::{environment, procfs};
use crate::cgroup::Cgroup;
use crate::identity::Cookie;
use crate::liveness::{Delivery, Liveness};
use crate::signal::Signal;
use crate::takedown::Roots;

/// How parents and children are determined.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kinship {
    /// The kernel's lists of children: quick, but they may skip one while others exit.
    Lists,
    /// The parent of every process of the system: slow, but complete.
    WholeTable,
}

/// The process by which a process was found.
#[derive(Clone, Copy)]
enum Parent {
    /// This process.
    Own,
    /// The member at this index, in a walk that started at this process or elsewhere.
    Member { index: usize, below_own: bool },
}

/// The result of one scan, each process pinned and proven to belong to the tree.
pub(super) struct Pass {
    pub(super) members: Vec<PinnedProcess>,
    pub(super) unreadable: usize,
    /// Number of processes that a later scan will identify.
    pub(super) unsettled: usize,
    /// Whether nothing changed during the scan that could have hidden a process.
    pub(super) is_settled: bool,
    except: HashSet<i32>,
}

impl Pass {
    pub(super) fn look(roots: Roots<'_>, except: &[i32], kinship: Kinship) -> io::Result<Self> {
        procfs::require_own_namespace()?;
        let mut pass = Self {
            members: Vec::new(),
            unreadable: 0,
            unsettled: 0,
            is_settled: true,
            except: except.iter().copied().collect(),
        };
        match roots {
            Roots::DescendantsOfSelf => pass.look_beneath(None, kinship)?,
            Roots::DescendantsOf(root) => pass.look_beneath(Some(&[root]), kinship)?,
            Roots::DescendantsOfAny(roots) => pass.look_beneath(Some(roots), kinship)?,
            Roots::WithCookie(cookie) => pass.look_for(cookie)?,
            Roots::Cgroup(group) => pass.look_into(group)?,
        }
        pass.members
            .retain(|member| !pass.except.contains(&member.pid()));
        Ok(pass)
    }

    /// Walks from parent to child. A child is proven if, after it was pinned, its parent in the
    /// table is this process or a pinned process that was not reaped by then.
    fn look_beneath(
        &mut self,
        roots: Option<&[&PinnedProcess]>,
        kinship: Kinship,
    ) -> io::Result<()> {
        let family = match kinship {
            Kinship::Lists => None,
            Kinship::WholeTable => Some(Family::of_all()?),
        };
        let children = |pid| match &family {
            None => process_table::children(pid),
            Some(family) => Ok(family.children(pid).to_vec()),
        };
        let own = own_pid();
        let mut seen = HashSet::from([own]);
        match roots {
            None => {
                for child in children(own)? {
                    if seen.insert(child) {
                        self.adopt(child, Parent::Own);
                    }
                }
            }
            Some(roots) => {
                for root in roots {
                    if !seen.insert(root.pid()) {
                        continue;
                    }
                    // A second descriptor is worth its cost: the list owns its elements.
                    match root.proven(PinnedProcess::pin) {
                        Ok(pinned) => self.members.push(pinned),
                        Err(error) if procfs::is_gone(&error) => {}
                        // The others must not be spared because no descriptor is available for this
                        // one.
                        Err(error) if procfs::is_passing(&error) => self.note_unsettled(),
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        let mut next = 0;
        while let Some(parent) = self.members.get(next) {
            let grandchildren = children(parent.pid());
            match grandchildren {
                Ok(found) => {
                    for child in found {
                        if seen.insert(child) {
                            self.adopt(
                                child,
                                Parent::Member {
                                    index: next,
                                    below_own: roots.is_none(),
                                },
                            );
                        }
                    }
                }
                // Its children have another parent now, which this scan may have passed already.
                Err(error) if procfs::is_gone(&error) => self.is_settled = false,
                Err(error) if procfs::is_passing(&error) => self.note_unsettled(),
                Err(_) => self.unreadable += 1,
            }
            next += 1;
        }
        Ok(())
    }

    fn adopt(&mut self, pid: i32, parent: Parent) {
        let Some(pinned) = self.pin(pid) else { return };
        let Ok(stat) = pinned.stat() else {
            self.is_settled = false;
            return;
        };
        let is_own = stat.ppid == own_pid();
        let is_proven = match parent {
            Parent::Own => is_own,
            Parent::Member { index, below_own } => {
                // A process that was orphaned in the meantime and became a child of this one
                // belongs to this one's tree, but is not proven to belong to another root's: it may
                // be an unrelated child with a reused PID.
                (is_own && below_own)
                    || self.members.get(index).is_some_and(|member| {
                        member.pid() == stat.ppid
                            && matches!(
                                member.liveness(),
                                Ok(Liveness::Running | Liveness::Unreaped)
                            )
                    })
            }
        };
        if is_proven {
            self.members.push(pinned);
        } else {
            // Orphaned between the scan and the pin: the next scan finds it at its new parent.
            self.is_settled = false;
        }
    }

    fn look_for(&mut self, cookie: &Cookie) -> io::Result<()> {
        let scan = environment::with_cookie(cookie)?;
        self.unreadable += scan.unreadable;
        if scan.unsettled > 0 {
            self.unsettled += scan.unsettled;
            self.is_settled = false;
        }
        for pid in scan.found.into_iter().filter(|pid| *pid != own_pid()) {
            let Some(pinned) = self.pin(pid) else {
                continue;
            };
            // Once more, because the PID may have been reused before it was pinned.
            match pinned.has_cookie(cookie) {
                Ok(true) => self.members.push(pinned),
                Err(error) if procfs::is_gone(&error) => self.is_settled = false,
                // It is executing a program at this moment: the next scan identifies it.
                Err(error) if procfs::is_passing(&error) => self.note_unsettled(),
                // The PID was reused before it was pinned.
                _ => self.is_settled = false,
            }
        }
        Ok(())
    }

    fn look_into(&mut self, group: &Cgroup) -> io::Result<()> {
        let own = own_pid();
        let mut pinned = Vec::new();
        for pid in group.processes()?.into_iter().filter(|pid| *pid != own) {
            pinned.extend(self.pin(pid));
        }
        // Processes that are in it after they were pinned belong to it, if they still have their
        // PID.
        let inside: HashSet<i32> = group.processes()?.into_iter().collect();
        for process in pinned {
            if inside.contains(&process.pid()) && process.proven(|_| Ok(())).is_ok() {
                self.members.push(process);
            }
        }
        Ok(())
    }

    fn pin(&mut self, pid: i32) -> Option<PinnedProcess> {
        match PinnedProcess::pin(pid) {
            Ok(pinned) => Some(pinned),
            Err(error) => {
                self.is_settled = false;
                if procfs::is_passing(&error) {
                    // No descriptor is available: those already pinned are acted on, and the next
                    // scan continues.
                    self.unsettled += 1;
                } else if !procfs::is_gone(&error) {
                    self.unreadable += 1;
                }
                None
            }
        }
    }

    fn note_unsettled(&mut self) {
        self.unsettled += 1;
        self.is_settled = false;
    }

    pub(super) fn kill(&self, roots: Roots<'_>, except: &[i32]) -> io::Result<usize> {
        if let Roots::Cgroup(group) = roots
            && kill_at_once(group, except)?
        {
            return Ok(self.members.len());
        }
        let killed =
            |member: &&PinnedProcess| matches!(member.signal(Signal::KILL), Ok(Delivery::Sent));
        Ok(self.members.iter().filter(killed).count())
    }

    /// Reaps each through its own pidfd: one that is not a child of this process, or has not
    /// exited, yields nothing.
    pub(super) fn reap_exited(&mut self) -> Vec<(i32, ExitStatus)> {
        let exited = self.members.iter().filter(|member| member.has_exited());
        exited
            .filter_map(|member| Some((member.pid(), member.reap()?)))
            .collect()
    }
}

/// Kills everything in a cgroup at once, if neither this process nor one of `except` is in it;
/// returns whether it did.
///
/// # Errors
/// The cgroup was removed.
pub fn kill_at_once(group: &Cgroup, except: &[i32]) -> io::Result<bool> {
    // The cgroup's own kill spares no process.
    if spares_anyone(group, except)? {
        return Ok(false);
    }
    group.kill()?;
    Ok(true)
}

/// Whether the cgroup contains this process or one of `except`, which its own kill would not spare.
pub(super) fn spares_anyone(group: &Cgroup, except: &[i32]) -> io::Result<bool> {
    let inside = group.processes()?;
    Ok(inside
        .iter()
        .any(|pid| *pid == own_pid() || except.contains(pid)))
}

pub(super) fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}
