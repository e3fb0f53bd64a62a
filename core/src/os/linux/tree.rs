//! Signals and kills whole trees of processes, each process pinned and proven to belong first.

use std::collections::HashSet;
use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::pinned::{PinnedProcess, is_childless, still_running};
use super::process_table::{self, Family};
use super::{environment, procfs};
use crate::identity::Cookie;
use crate::os::cgroup::Cgroup;
use crate::os::liveness::{Delivery, Liveness};
use crate::os::scan::Scan;
use crate::os::signal::Signal;
use crate::os::takedown::{Reap, Roots, Takedown};

/// How long a pass waits for those it killed before it looks for what they forked meanwhile.
const PATIENCE: Duration = Duration::from_millis(5);
/// A pass over processes that do not die, because a device holds them, need not be that frequent.
const LONGEST_PATIENCE: Duration = Duration::from_millis(50);

/// Finds, pins and proves every living process of the tree but this one and `except`.
///
/// Only those whose number is in `except` are left out, not what is beneath them. Parents come
/// before children.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace, or the control group was removed.
pub fn members(roots: Roots<'_>, except: &[i32]) -> io::Result<Scan<PinnedProcess>> {
    let mut pass = Pass::look(roots, except, Kinship::Lists)?;
    pass.members.retain(|member| !member.has_exited());
    Ok(Scan { found: pass.members, unreadable: pass.unreadable })
}

/// Sends a signal to every living process of the tree but this one and `except`, and gives those
/// that it was sent to.
///
/// # Errors
/// As [`members`].
pub fn signal_all(
    roots: Roots<'_>,
    signal: Signal,
    except: &[i32],
) -> io::Result<Scan<PinnedProcess>> {
    let mut scan = members(roots, except)?;
    let mut refused = 0;
    scan.found.retain(|member| match member.signal(signal) {
        Ok(delivery) => delivery == Delivery::Sent,
        Err(_) => {
            refused += 1;
            false
        }
    });
    scan.unreadable += refused;
    Ok(scan)
}

/// Kills the tree in passes until nothing of it is found any more, until `deadline` at the latest.
///
/// A process may fork while it is being killed, so one pass proves nothing: it ends when this
/// process has no child at all, when the control group is empty, or after two passes in a row, the
/// second over all processes, that found nothing.
///
/// # Errors
/// As [`members`].
pub fn kill_until_empty(
    roots: Roots<'_>,
    except: &[i32],
    reap: Reap,
    deadline: Instant,
) -> io::Result<Takedown> {
    let mut takedown = Takedown::default();
    let mut patience = PATIENCE;
    let mut kinship = Kinship::Lists;
    loop {
        let mut pass = Pass::look(roots, except, kinship)?;
        takedown.unreadable = takedown.unreadable.max(pass.unreadable);
        if reap == Reap::OwnChildren {
            takedown.reaped.extend(pass.reap_exited());
        }
        pass.members.retain(|member| !member.has_exited());
        if pass.members.is_empty() && pass.is_settled {
            if kinship == Kinship::WholeTable || is_proven_empty(roots)? {
                return Ok(takedown);
            }
            kinship = Kinship::WholeTable;
            continue;
        }
        kinship = Kinship::Lists;
        if Instant::now() >= deadline {
            takedown.survivors = pass.members.iter().filter_map(|member| member.stat().ok()).collect();
            return Ok(takedown);
        }

        takedown.kills += pass.kill(roots, except)?;
        let end = deadline.min(Instant::now() + patience);
        let all_exited = still_running(&pass.members, end)?.is_empty();
        patience = if all_exited { PATIENCE } else { LONGEST_PATIENCE.min(patience * 2) };
        if reap == Reap::OwnChildren {
            takedown.reaped.extend(pass.reap_exited());
        }
    }
}

/// Collects the exit statuses of this process's own exited children, but those in `except`.
///
/// A subreaper becomes the parent of orphans that it never started and that nobody else reaps.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace.
pub fn reap_children(except: &[i32]) -> io::Result<Vec<(i32, ExitStatus)>> {
    let children = process_table::children(own_pid())?;
    let unspared = children.into_iter().filter(|pid| !except.contains(pid));
    Ok(unspared
        .filter_map(|pid| Some((pid, PinnedProcess::pin(pid).ok()?.reap()?)))
        .collect())
}

/// Which way parents and children are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kinship {
    /// The kernel's lists of children: quick, but they may skip one while others vanish.
    Lists,
    /// The parent of every process of the system: slow, and skips none.
    WholeTable,
}

/// What one look found, each process pinned and proven to belong to the tree.
struct Pass {
    members: Vec<PinnedProcess>,
    unreadable: usize,
    /// Whether nothing moved during the look that could have hidden a process.
    is_settled: bool,
    except: HashSet<i32>,
}

impl Pass {
    fn look(roots: Roots<'_>, except: &[i32], kinship: Kinship) -> io::Result<Self> {
        procfs::require_own_namespace()?;
        let mut pass = Self {
            members: Vec::new(),
            unreadable: 0,
            is_settled: true,
            except: except.iter().copied().collect(),
        };
        match roots {
            Roots::DescendantsOfSelf => pass.look_beneath(None, kinship)?,
            Roots::DescendantsOf(root) => pass.look_beneath(Some(root), kinship)?,
            Roots::WithCookie(cookie) => pass.look_for(cookie)?,
            Roots::Cgroup(group) => pass.look_into(group)?,
        }
        pass.members.retain(|member| !pass.except.contains(&member.pid()));
        Ok(pass)
    }

    /// Walks from parent to child. A child is proven when, after it was pinned, its parent in the
    /// table is this process or a pinned process that was not reaped by then.
    fn look_beneath(&mut self, root: Option<&PinnedProcess>, kinship: Kinship) -> io::Result<()> {
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
        match root {
            None => {
                for child in children(own)? {
                    if seen.insert(child) {
                        self.adopt(child, None);
                    }
                }
            }
            Some(root) => {
                // A second descriptor for the root is worth its price: the list owns what is in it.
                match root.proven(PinnedProcess::pin) {
                    Ok(pinned) => self.members.push(pinned),
                    Err(error) if procfs::is_gone(&error) => return Ok(()),
                    Err(error) => return Err(error),
                }
                seen.insert(root.pid());
            }
        }
        let mut next = 0;
        while let Some(parent) = self.members.get(next) {
            let grandchildren = children(parent.pid());
            match grandchildren {
                Ok(found) => {
                    for child in found {
                        if seen.insert(child) {
                            self.adopt(child, Some(next));
                        }
                    }
                }
                // Its children have another parent now, which this look may have passed already.
                Err(error) if procfs::is_gone(&error) => self.is_settled = false,
                Err(_) => self.unreadable += 1,
            }
            next += 1;
        }
        Ok(())
    }

    fn adopt(&mut self, pid: i32, parent: Option<usize>) {
        let Some(pinned) = self.pin(pid) else { return };
        let Ok(stat) = pinned.stat() else {
            self.is_settled = false;
            return;
        };
        let parent = parent.and_then(|index| self.members.get(index));
        let is_of_parent = parent.is_some_and(|parent| {
            parent.pid() == stat.ppid
                && matches!(parent.liveness(), Ok(Liveness::Running | Liveness::Unreaped))
        });
        if is_of_parent || stat.ppid == own_pid() {
            self.members.push(pinned);
        } else {
            // Orphaned between the look and the pin: the next look finds it at its new parent.
            self.is_settled = false;
        }
    }

    fn look_for(&mut self, cookie: &Cookie) -> io::Result<()> {
        let scan = environment::with_cookie(cookie)?;
        self.unreadable += scan.unreadable;
        for pid in scan.found.into_iter().filter(|pid| *pid != own_pid()) {
            let Some(pinned) = self.pin(pid) else { continue };
            // Once more, because the number may have been given away before it was pinned.
            match pinned.has_cookie(cookie) {
                Ok(true) => self.members.push(pinned),
                // Executing a program at this moment, or gone: the next look tells.
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
        // Those that are in it after they were pinned belong to it, if they still have their number.
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
                // No descriptor left: those already pinned are acted on, and the next look goes on.
                self.unreadable += usize::from(!procfs::is_gone(&error));
                None
            }
        }
    }

    fn kill(&self, roots: Roots<'_>, except: &[i32]) -> io::Result<usize> {
        if let Roots::Cgroup(group) = roots {
            // The group's own kill spares nobody.
            let inside = group.processes()?;
            if !inside.iter().any(|pid| *pid == own_pid() || except.contains(pid)) {
                group.kill()?;
                return Ok(self.members.len());
            }
        }
        let killed = |member: &&PinnedProcess| matches!(member.signal(Signal::KILL), Ok(Delivery::Sent));
        Ok(self.members.iter().filter(killed).count())
    }

    /// Asks each for its status by its own pidfd: who is not this process's child, or has not
    /// exited, gives none.
    fn reap_exited(&mut self) -> Vec<(i32, ExitStatus)> {
        let exited = self.members.iter().filter(|member| member.has_exited());
        exited.filter_map(|member| Some((member.pid(), member.reap()?))).collect()
    }
}

fn is_proven_empty(roots: Roots<'_>) -> io::Result<bool> {
    match roots {
        Roots::DescendantsOfSelf => Ok(is_childless()),
        Roots::Cgroup(group) => Ok(!group.is_populated()?),
        Roots::DescendantsOf(_) | Roots::WithCookie(_) => Ok(false),
    }
}

fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}
