//! One scan of a tree of processes: each is found, pinned, and proven to belong to it.

use std::collections::HashSet;
use std::io;
use std::process::ExitStatus;

use super::by_cookie;
use super::pinned::PinnedProcess;
use super::process_table::{self, Family};
use super::procfs;
use crate::cgroup::{Cgroup, is_removed};
use crate::identity::Cookie;
use crate::liveness::{Delivery, Liveness};
use crate::signal::Signal;
use crate::takedown::{OwnDescendants, Roots, Traces};

/// How parents and children are determined.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parentage {
    /// The kernel's lists of children: quick, but they may skip one while others vanish.
    Lists,
    /// The parent of every process of the system: slow, but complete.
    WholeTable,
}

/// The process by which a process was found.
#[derive(Clone, Copy)]
enum Parent {
    /// This process.
    Own,
    /// The member at this index.
    Member(usize),
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
    /// Who was found or is not to be found: no number is looked at twice.
    seen: HashSet<i32>,
    own_descendants: OwnDescendants,
    parentage: Parentage,
    /// Read when it is first asked for: after the processes were found whose children are wanted.
    family: Option<Family>,
}

impl Pass {
    /// Looks for the tree, of which `known` were found before.
    pub(super) fn look(
        roots: Roots<'_>,
        except: &[i32],
        parentage: Parentage,
        known: Vec<PinnedProcess>,
    ) -> io::Result<Self> {
        procfs::require_own_namespace()?;
        let mut pass = Self::beneath(known, parentage);
        pass.except.extend(except);
        match roots {
            Roots::DescendantsOfSelf => pass.add_own_children()?,
            Roots::DescendantsOf(root) => pass.add(&[root])?,
            Roots::DescendantsOfAny(roots) => pass.add(roots)?,
            Roots::WithCookie(cookie) => pass.add_carriers(cookie)?,
            Roots::Cgroup(group) => pass.add_group(group)?,
            Roots::Traces(traces) => pass.follow(&traces)?,
        }
        // What leaves a group is not of the group's own tree.
        if !matches!(roots, Roots::Cgroup(_)) {
            pass.descend();
        }
        pass.members
            .retain(|member| !pass.except.contains(&member.pid()));
        Ok(pass)
    }

    /// A look that begins with these processes and has not descended from them yet.
    pub(super) fn beneath(known: Vec<PinnedProcess>, parentage: Parentage) -> Self {
        let known: Vec<_> = known.into_iter().filter(|one| !one.has_exited()).collect();
        let seen = known.iter().map(PinnedProcess::pid).chain([own_pid()]);
        Self {
            seen: seen.collect(),
            members: known,
            unreadable: 0,
            unsettled: 0,
            is_settled: true,
            except: HashSet::new(),
            own_descendants: OwnDescendants::Others,
            parentage,
            family: None,
        }
    }

    fn follow(&mut self, traces: &Traces<'_>) -> io::Result<()> {
        if traces.own_descendants == OwnDescendants::Members {
            self.add_own_children()?;
        }
        self.add(traces.processes)?;
        if let Some(group) = traces.cgroup {
            match self.add_group(group) {
                Err(error) if !is_removed(&error) => return Err(error),
                _ => {}
            }
        }
        match traces.cookie {
            Some(cookie) => self.add_carriers(cookie),
            None => Ok(()),
        }
    }

    fn add_own_children(&mut self) -> io::Result<()> {
        self.own_descendants = OwnDescendants::Members;
        for child in self.children(own_pid())? {
            if self.seen.insert(child) {
                self.adopt(child, Parent::Own);
            }
        }
        Ok(())
    }

    fn add(&mut self, roots: &[&PinnedProcess]) -> io::Result<()> {
        for root in roots {
            // Its number may be another's by now.
            if matches!(root.liveness(), Ok(Liveness::Gone)) || !self.seen.insert(root.pid()) {
                continue;
            }
            // A second descriptor is worth its price: the list owns what is in it.
            match root.proven(PinnedProcess::pin) {
                Ok(pinned) => self.members.push(pinned),
                Err(error) if procfs::is_gone(&error) => {}
                // The others must not be spared because there is no descriptor for this one.
                Err(error) if procfs::is_passing(&error) => self.note_unsettled(),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Walks from parent to child. A child is proven when, after it was pinned, its parent in the
    /// table is this process or a pinned process that was not reaped by then.
    pub(super) fn descend(&mut self) {
        let mut next = 0;
        while let Some(parent) = self.members.get(next) {
            let parent = parent.pid();
            match self.children(parent) {
                Ok(children) => {
                    for child in children {
                        if self.seen.insert(child) {
                            self.adopt(child, Parent::Member(next));
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
    }

    fn children(&mut self, pid: i32) -> io::Result<Vec<i32>> {
        if self.parentage == Parentage::Lists {
            return process_table::children(pid);
        }
        if self.family.is_none() {
            self.family = Some(Family::of_all()?);
        }
        let family = self.family.as_ref();
        Ok(family.map_or_else(Vec::new, |family| family.children(pid).to_vec()))
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
            Parent::Member(index) => {
                // One that was orphaned meanwhile and came to this process is of its tree, but not
                // proven to be of another root's: it may be an unrelated child with a reused number.
                (is_own && self.own_descendants == OwnDescendants::Members)
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

    fn add_carriers(&mut self, cookie: &Cookie) -> io::Result<()> {
        let carriers = by_cookie::carriers(std::slice::from_ref(cookie))?;
        self.unreadable += carriers.scan.unreadable;
        self.unsettled += carriers.scan.unsettled;
        self.is_settled &= carriers.is_settled;
        for (_, process) in carriers.scan.found {
            if self.seen.insert(process.pid()) {
                self.members.push(process);
            }
        }
        Ok(())
    }

    fn add_group(&mut self, group: &Cgroup) -> io::Result<()> {
        let mut pinned = Vec::new();
        for pid in group.processes()? {
            if !self.seen.contains(&pid) {
                pinned.extend(self.pin(pid));
            }
        }
        // Processes that are in it after they were pinned belong to it, if they still have their
        // PID.
        let inside: HashSet<i32> = group.processes()?.into_iter().collect();
        for process in pinned {
            if inside.contains(&process.pid())
                && process.proven(|_| Ok(())).is_ok()
                && self.seen.insert(process.pid())
            {
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
        match roots {
            // A member that is in another group meanwhile is found by the next look.
            Roots::Cgroup(group) if kill_at_once(group, except)? => return Ok(self.members.len()),
            Roots::Traces(Traces {
                cgroup: Some(group),
                ..
            }) => match kill_at_once(group, except) {
                Err(error) if !is_removed(&error) => return Err(error),
                _ => {}
            },
            _ => {}
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
