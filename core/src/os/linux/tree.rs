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
    Ok(Scan {
        found: pass.members,
        unreadable: pass.unreadable,
    })
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
    let mut is_first = true;
    loop {
        let mut pass = Pass::look(roots, except, kinship)?;
        takedown.unreadable = takedown.unreadable.max(pass.unreadable);
        if reap == Reap::OwnChildren {
            takedown.reaped.extend(pass.reap_exited());
        }
        pass.members.retain(|member| !member.has_exited());
        let found_nothing = pass.members.is_empty() && pass.is_settled;
        let emptiness = if found_nothing {
            emptiness(roots, except)?
        } else {
            Emptiness::Refuted
        };
        match (emptiness, kinship) {
            (Emptiness::Proven, _) | (Emptiness::Open, Kinship::WholeTable) => {
                takedown.is_empty = true;
                return Ok(takedown);
            }
            (Emptiness::Open, Kinship::Lists) => {
                kinship = Kinship::WholeTable;
                continue;
            }
            (Emptiness::Refuted, _) => kinship = Kinship::Lists,
        }
        // A deadline that has passed already still allows one pass.
        if !is_first && Instant::now() >= deadline {
            let survivors = pass.members.iter().filter_map(|member| member.stat().ok());
            takedown.survivors = survivors.collect();
            return Ok(takedown);
        }

        is_first = false;
        takedown.kills += pass.kill(roots, except)?;
        let end = deadline.min(Instant::now() + patience);
        let all_exited = still_running(&pass.members, end)?.is_empty();
        patience = if all_exited {
            PATIENCE
        } else {
            LONGEST_PATIENCE.min(patience * 2)
        };
        if reap == Reap::OwnChildren {
            takedown.reaped.extend(pass.reap_exited());
        }
        if pass.members.is_empty() {
            // Something moved or cannot be pinned, and there is nothing to wait for: give it time
            // to come to rest.
            std::thread::sleep(Duration::from_millis(1));
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

/// By whom a process was found.
#[derive(Clone, Copy)]
enum Parent {
    /// This process.
    Own,
    /// The member at this index, in a walk that began at this process or did not.
    Member { index: usize, below_own: bool },
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
        pass.members
            .retain(|member| !pass.except.contains(&member.pid()));
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
                        self.adopt(child, Parent::Own);
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
                            self.adopt(
                                child,
                                Parent::Member {
                                    index: next,
                                    below_own: root.is_none(),
                                },
                            );
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
                // One that was orphaned meanwhile and came to this process is of its tree, but not
                // proven to be of another root's: it may be an unrelated child with a reused number.
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
            // Orphaned between the look and the pin: the next look finds it at its new parent.
            self.is_settled = false;
        }
    }

    fn look_for(&mut self, cookie: &Cookie) -> io::Result<()> {
        let scan = environment::with_cookie(cookie)?;
        self.unreadable += scan.unreadable;
        for pid in scan.found.into_iter().filter(|pid| *pid != own_pid()) {
            let Some(pinned) = self.pin(pid) else {
                continue;
            };
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
            if !spares_anyone(group, except)? {
                group.kill()?;
                return Ok(self.members.len());
            }
        }
        let killed =
            |member: &&PinnedProcess| matches!(member.signal(Signal::KILL), Ok(Delivery::Sent));
        Ok(self.members.iter().filter(killed).count())
    }

    /// Asks each for its status by its own pidfd: who is not this process's child, or has not
    /// exited, gives none.
    fn reap_exited(&mut self) -> Vec<(i32, ExitStatus)> {
        let exited = self.members.iter().filter(|member| member.has_exited());
        exited
            .filter_map(|member| Some((member.pid(), member.reap()?)))
            .collect()
    }
}

/// What the kernel says of a tree in which a look found nothing alive.
enum Emptiness {
    Proven,
    Refuted,
    /// It does not say; a second look must find nothing either.
    Open,
}

fn emptiness(roots: Roots<'_>, except: &[i32]) -> io::Result<Emptiness> {
    match roots {
        Roots::DescendantsOfSelf if is_childless() => Ok(Emptiness::Proven),
        Roots::Cgroup(group) if !group.is_populated()? => Ok(Emptiness::Proven),
        // It also counts processes that cannot be seen from here, which only its own kill reaches.
        Roots::Cgroup(group) if !spares_anyone(group, except)? => Ok(Emptiness::Refuted),
        _ => Ok(Emptiness::Open),
    }
}

fn spares_anyone(group: &Cgroup, except: &[i32]) -> io::Result<bool> {
    let inside = group.processes()?;
    Ok(inside
        .iter()
        .any(|pid| *pid == own_pid() || except.contains(pid)))
}

fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

#[cfg(test)]
#[expect(clippy::zombie_processes, reason = "the takedown reaps them")]
mod tests {
    use super::*;
    use crate::os::adopt::Adopt;
    use crate::os::subreaper::{is_subreaper, set_subreaper};
    use std::process::Command;

    /// Runs the body in a process of its own, since orphans are adopted by whole processes.
    fn alone(test: &str, body: impl FnOnce()) {
        const MARK: &str = "BACKSTOP_TEST_ALONE";
        if std::env::var_os(MARK).is_some() {
            return body();
        }
        let (_, module) = module_path!().split_once("::").unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &format!("{module}::{test}")])
            .env(MARK, "1")
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// A leader, a child in its group, one in a session of its own and a double-forked daemon, all
    /// of which ignore TERM.
    const STUBBORN: &str = "trap '' TERM; sleep 61 & setsid sleep 61 & \
        (setsid sh -c 'sleep 61 & exit 0' &); wait; sleep 61";

    fn sleepers(roots: Roots<'_>, count: usize) -> Vec<PinnedProcess> {
        let end = deadline();
        loop {
            let found = members(roots, &[]).unwrap().found;
            let asleep = found
                .iter()
                .filter(|member| member.stat().is_ok_and(|stat| stat.comm == "sleep"));
            if asleep.count() >= count {
                return found;
            }
            assert!(Instant::now() < end, "found {found:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn sessions_and_daemons_that_ignore_term_do_not_outlive_a_subreaper() {
        alone(
            "sessions_and_daemons_that_ignore_term_do_not_outlive_a_subreaper",
            || {
                set_subreaper(Adopt::Orphans).unwrap();
                assert!(is_subreaper().unwrap());
                let leader = Command::new("sh")
                    .args(["-c", STUBBORN])
                    .spawn()
                    .unwrap()
                    .id() as i32;
                let before = sleepers(Roots::DescendantsOfSelf, 3);

                let told = signal_all(Roots::DescendantsOfSelf, Signal::TERM, &[leader])
                    .unwrap()
                    .found;
                assert!(told.len() >= 3 && told.iter().all(|member| member.pid() != leader));
                assert_eq!(
                    still_running(&told, Instant::now()).unwrap().len(),
                    told.len()
                );

                let takedown =
                    kill_until_empty(Roots::DescendantsOfSelf, &[], Reap::OwnChildren, deadline())
                        .unwrap();
                assert!(
                    takedown.is_empty && takedown.survivors.is_empty(),
                    "{takedown:?}"
                );
                assert!(
                    takedown.reaped.iter().any(|(pid, _)| *pid == leader),
                    "{takedown:?}"
                );
                assert!(
                    before
                        .iter()
                        .all(|member| matches!(member.liveness(), Ok(Liveness::Gone)))
                );
                assert!(is_childless());
            },
        );
    }

    #[test]
    fn a_tree_that_forks_while_it_is_killed_is_emptied() {
        alone("a_tree_that_forks_while_it_is_killed_is_emptied", || {
            set_subreaper(Adopt::Orphans).unwrap();
            let cookie = Cookie::random();
            let script = "while :; do (setsid sh -c 'sleep 61 & sleep 61' &); done";
            let _leader = Command::new("sh")
                .args(["-c", script])
                .env(Cookie::ENVIRONMENT_VARIABLE, cookie.to_string())
                .spawn()
                .unwrap();
            sleepers(Roots::DescendantsOfSelf, 20);
            let takedown =
                kill_until_empty(Roots::DescendantsOfSelf, &[], Reap::OwnChildren, deadline())
                    .unwrap();
            assert!(takedown.is_empty, "{takedown:?}");
            assert!(environment::with_cookie(&cookie).unwrap().found.is_empty());
        });
    }

    #[test]
    fn spared_and_unrelated_children_live_on() {
        alone("spared_and_unrelated_children_live_on", || {
            set_subreaper(Adopt::Orphans).unwrap();
            let mut spared = Command::new("sleep").arg("61").spawn().unwrap();
            let other = Command::new("sh")
                .args(["-c", "sleep 61 & wait"])
                .spawn()
                .unwrap();
            let other = PinnedProcess::pin(other.id() as i32).unwrap();
            sleepers(Roots::DescendantsOf(&other), 1);
            let takedown = kill_until_empty(
                Roots::DescendantsOf(&other),
                &[],
                Reap::OwnChildren,
                deadline(),
            )
            .unwrap();
            assert!(takedown.is_empty && takedown.kills >= 2, "{takedown:?}");

            let except = [spared.id() as i32];
            let takedown = kill_until_empty(
                Roots::DescendantsOfSelf,
                &except,
                Reap::OwnChildren,
                deadline(),
            )
            .unwrap();
            assert!(
                takedown.is_empty && takedown.survivors.is_empty(),
                "{takedown:?}"
            );
            assert!(spared.try_wait().unwrap().is_none());
            spared.kill().unwrap();
            let end = deadline();
            while !PinnedProcess::pin(except[0]).unwrap().has_exited() {
                assert!(Instant::now() < end);
            }
            assert!(reap_children(&except).unwrap().is_empty());
            assert_eq!(reap_children(&[]).unwrap().len(), 1);
        });
    }

    #[test]
    fn what_left_the_tree_is_killed_by_its_cookie_and_reaping_is_left_to_the_host() {
        let cookie = Cookie::random();
        let mut leader = Command::new("sh")
            .args(["-c", STUBBORN])
            .env(Cookie::ENVIRONMENT_VARIABLE, cookie.to_string())
            .spawn()
            .unwrap();
        let roots = Roots::WithCookie(&cookie);
        sleepers(roots, 3);
        let takedown = kill_until_empty(roots, &[], Reap::Nothing, deadline()).unwrap();
        assert!(
            takedown.is_empty && takedown.reaped.is_empty(),
            "{takedown:?}"
        );
        assert!(environment::with_cookie(&cookie).unwrap().found.is_empty());
        assert!(!leader.wait().unwrap().success());
    }

    #[test]
    fn a_wide_tree_is_gone_at_once() {
        alone("a_wide_tree_is_gone_at_once", || {
            set_subreaper(Adopt::Orphans).unwrap();
            let script = "i=0; while [ $i -lt 400 ]; do setsid sleep 61 & i=$((i+1)); done; wait";
            let _leader = Command::new("sh").args(["-c", script]).spawn().unwrap();
            sleepers(Roots::DescendantsOfSelf, 400);
            let start = Instant::now();
            let takedown =
                kill_until_empty(Roots::DescendantsOfSelf, &[], Reap::OwnChildren, deadline())
                    .unwrap();
            println!("400 sessions gone in {:?}", start.elapsed());
            assert!(takedown.is_empty && takedown.kills >= 401, "{takedown:?}");
        });
    }
}
