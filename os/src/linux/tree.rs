//! Signals and kills whole trees of processes, each process pinned and proven to belong first.

use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::pinned::{PinnedProcess, exited_child, is_childless, still_running};
pub use super::tree_pass::kill_at_once;
use super::tree_pass::{Parentage, Pass, own_pid, spares_anyone};
use super::{by_cookie, process_table};
use crate::cgroup::{Cgroup, is_removed};
use crate::identity::Cookie;
use crate::scan::Scan;
use crate::takedown::{Kinship, OwnDescendants, Reap, Relative, Roots, Takedown, Traces};

/// How long a pass waits for the processes it killed before it searches for what they forked in the
/// meantime.
const PATIENCE: Duration = Duration::from_millis(5);
/// Passes over processes that do not exit, because a device blocks them, need not be that frequent.
const LONGEST_PATIENCE: Duration = Duration::from_millis(50);

/// Finds, pins and proves every living process of the tree except this one and `except`.
///
/// Only the PIDs in `except` are left out, not their descendants. Parents come before children.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace, or the cgroup was removed.
pub fn members(roots: Roots<'_>, except: &[i32]) -> io::Result<Scan<PinnedProcess>> {
    if is_proven_empty(roots)? {
        return Ok(Scan::default());
    }
    let mut pass = Pass::look(roots, except, Parentage::Lists, Vec::new())?;
    pass.members.retain(|member| !member.has_exited());
    Ok(Scan {
        found: pass.members,
        unreadable: pass.unreadable,
        unsettled: pass.unsettled,
    })
}

/// Sends a signal to every living process of the tree except this one and `except`, and returns
/// those that it was sent to.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace.
pub fn with_cookies(cookies: &[Cookie]) -> io::Result<Scan<Relative>> {
    let carriers = by_cookie::carriers(cookies)?.scan;
    let mut trees: Vec<Vec<PinnedProcess>> = cookies.iter().map(|_| Vec::new()).collect();
    for (index, process) in carriers.found {
        trees[index].push(process);
    }
    let mut scan = Scan {
        found: Vec::new(),
        unreadable: carriers.unreadable,
        unsettled: carriers.unsettled,
    };
    for (cookie, carriers) in trees.into_iter().enumerate() {
        let mut pass = Pass::beneath(carriers, Parentage::Lists);
        let carriers = pass.members.len();
        pass.descend();
        scan.unreadable += pass.unreadable;
        scan.unsettled += pass.unsettled;
        let found = pass.members.into_iter().enumerate();
        scan.found.extend(found.filter_map(|(place, process)| {
            (!process.has_exited()).then_some(Relative {
                cookie,
                kinship: match place < carriers {
                    true => Kinship::Carrier,
                    false => Kinship::Descendant,
                },
                process,
            })
        }));
    }
    Ok(scan)
}

/// Kills the tree in passes until none of it is found any more, at most until `deadline`.
///
/// A process may fork while it is being killed, so one pass proves nothing: it ends when this
/// process has no children at all, when the cgroup is empty, or after two passes in a row, the
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
    let mut parentage = Parentage::Lists;
    let mut known = Vec::new();
    let mut is_first = true;
    loop {
        if known.is_empty() && is_proven_empty(roots)? {
            takedown.is_empty = true;
            return Ok(takedown);
        }
        let mut pass = Pass::look(roots, except, parentage, known)?;
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
        match (emptiness, parentage) {
            (Emptiness::Proven, _) | (Emptiness::Open, Parentage::WholeTable) => {
                takedown.is_empty = true;
                return Ok(takedown);
            }
            (Emptiness::Open, Parentage::Lists) => {
                parentage = Parentage::WholeTable;
                known = Vec::new();
                continue;
            }
            (Emptiness::Refuted, _) => parentage = Parentage::Lists,
        }
        // Even a deadline that has passed already allows one pass.
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
            // A process moved or cannot be pinned, and there is no event to wait for: give it time
            // to settle.
            std::thread::sleep(Duration::from_millis(1));
        }
        known = pass.members;
        known.retain(|member| !member.has_exited());
    }
}

/// Reaps this process's own exited children, except those in `except`, and returns their exit
/// statuses.
///
/// A subreaper becomes the parent of orphans that it never started and that no other code reaps.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace.
pub fn reap_children(except: &[i32]) -> io::Result<Vec<(i32, ExitStatus)>> {
    let reap = |pid| Some((pid, PinnedProcess::pin(pid).ok()?.reap()?));
    if except.is_empty() {
        // The kernel names one that has exited: checking every child would cost thousands of calls
        // whenever one of thousands ends.
        return Ok(std::iter::from_fn(|| exited_child().and_then(reap)).collect());
    }
    let children = process_table::children(own_pid())?;
    let unspared = children.into_iter().filter(|pid| !except.contains(pid));
    Ok(unspared.filter_map(reap).collect())
}

/// Whether the kernel reports that none of it is alive. `false` proves nothing.
fn is_proven_empty(roots: Roots<'_>) -> io::Result<bool> {
    match roots {
        Roots::DescendantsOfSelf => Ok(is_childless()),
        Roots::Cgroup(group) => group.is_populated().map(|is_populated| !is_populated),
        // Only where all are beneath this process or in the group: a carrier may be anywhere.
        Roots::Traces(traces) if traces.own_descendants == OwnDescendants::Members => {
            Ok(traces.cookie.is_none()
                && is_childless()
                && traces.processes.iter().all(|one| one.has_exited())
                && !traces.cgroup.map_or(Ok(false), holds_any)?)
        }
        _ => Ok(false),
    }
}

/// What the kernel reports about a tree in which a scan found no living process.
enum Emptiness {
    Proven,
    Refuted,
    /// Nothing; a second scan must find nothing either.
    Open,
}

fn emptiness(roots: Roots<'_>, except: &[i32]) -> io::Result<Emptiness> {
    if is_proven_empty(roots)? {
        return Ok(Emptiness::Proven);
    }
    match roots {
        // It also counts processes that are not visible from here, which only its own kill reaches.
        Roots::Cgroup(group) if !spares_anyone(group, except)? => Ok(Emptiness::Refuted),
        Roots::Traces(Traces {
            cgroup: Some(group),
            ..
        }) if holds_any(group)? && !spares_anyone(group, except)? => Ok(Emptiness::Refuted),
        _ => Ok(Emptiness::Open),
    }
}

/// Whether a living process is in the group, if there still is one.
fn holds_any(group: &Cgroup) -> io::Result<bool> {
    match group.is_populated() {
        Err(error) if is_removed(&error) => Ok(false),
        answer => answer,
    }
}

#[cfg(test)]
#[expect(clippy::zombie_processes, reason = "the takedown reaps them")]
mod tests {
    use super::*;
    use crate::adopt::Adopt;
    use crate::environment;
    use crate::liveness::{Delivery, Liveness};
    use crate::signal::Signal;
    use crate::subreaper::{is_subreaper, set_subreaper};
    use std::process::Command;

    /// Runs the body in a process of its own, because orphans are adopted by whole processes.
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

                let told = members(Roots::DescendantsOfSelf, &[leader]).unwrap().found;
                assert!(told.len() >= 3 && told.iter().all(|member| member.pid() != leader));
                for member in &told {
                    assert_eq!(member.signal(Signal::TERM).unwrap(), Delivery::Sent);
                }
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
    fn several_roots_are_scanned_at_once_and_no_process_counts_twice() {
        let leader = Command::new("sh")
            .args(["-c", "sh -c 'sleep 61 & wait' & wait"])
            .spawn()
            .unwrap();
        let leader = PinnedProcess::pin(leader.id() as i32).unwrap();
        let lone = Command::new("sleep").arg("61").spawn().unwrap();
        let lone = PinnedProcess::pin(lone.id() as i32).unwrap();
        // Three in one line of descent, of which two are roots themselves, and one without
        // children.
        let line = sleepers(Roots::DescendantsOf(&leader), 1);
        let roots = [&line[1], &leader, &lone];
        let roots = Roots::DescendantsOfAny(&roots);
        let mut found: Vec<i32> = sleepers(roots, 2).iter().map(PinnedProcess::pid).collect();
        found.sort_unstable();
        let mut expected: Vec<i32> = line.iter().chain([&lone]).map(PinnedProcess::pid).collect();
        expected.sort_unstable();
        assert_eq!(found, expected);
        let takedown = kill_until_empty(roots, &[], Reap::OwnChildren, deadline()).unwrap();
        assert!(takedown.is_empty, "{takedown:?}");
        assert!(line.iter().chain([&lone]).all(PinnedProcess::has_exited));
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
    fn each_is_found_by_its_own_cookies_and_by_no_other() {
        let cookies = [Cookie::random(), Cookie::random(), Cookie::random()];
        let [first, second, _] = cookies;
        let start = |name: &str, value: String| {
            let mut command = Command::new("sleep");
            command.arg("60").env(name, value).spawn().unwrap()
        };
        let mut children = [
            start(Cookie::ENVIRONMENT_VARIABLE, first.to_string()),
            start(Cookie::LINEAGE_VARIABLE, format!("{first}:{second}")),
        ];
        let [one, two] = [0, 1].map(|index: usize| children[index].id() as i32);
        let found = || {
            let scan = with_cookies(&cookies).unwrap();
            let mut found: Vec<_> = scan
                .found
                .iter()
                .map(|one| (one.cookie, one.process.pid()))
                .collect();
            found.sort_unstable();
            (found, scan)
        };
        let mut expected = vec![(0, one), (0, two), (1, two)];
        expected.sort_unstable();
        let (seen, scan) = found();
        assert_eq!(seen, expected);
        let _ = scan.found[0].process.signal(Signal::KILL).unwrap();
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(found().0.is_empty());
        assert!(with_cookies(&[]).unwrap().found.is_empty());
    }
    /// A carrier, beneath it one that cleared its environment, and beneath that one two forks further:
    /// as a browser's processes, which write over theirs.
    const HIDDEN: &str = "env -i sh -c 'sh -c \"sleep 61 & wait\" & wait' & wait";

    #[test]
    fn descendants_of_a_carrier_are_found_and_killed_whatever_they_carry() {
        let cookie = Cookie::random();
        let mut leader = Command::new("sh")
            .args(["-c", HIDDEN])
            .env(Cookie::ENVIRONMENT_VARIABLE, cookie.to_string())
            .spawn()
            .unwrap();
        let found = sleepers(Roots::WithCookie(&cookie), 1);
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(environment::with_cookie(&cookie).unwrap().found.len(), 1);
        let scan = with_cookies(&[Cookie::random(), cookie]).unwrap().found;
        let carriers = scan.iter().filter(|one| one.kinship == Kinship::Carrier);
        assert_eq!((scan.len(), carriers.count()), (4, 1), "{scan:?}");
        assert!(scan.iter().all(|one| one.cookie == 1), "{scan:?}");
        let takedown =
            kill_until_empty(Roots::WithCookie(&cookie), &[], Reap::Nothing, deadline()).unwrap();
        assert!(takedown.is_empty, "{takedown:?}");
        assert!(found.iter().all(PinnedProcess::has_exited));
        leader.wait().unwrap();
    }

    #[test]
    fn a_process_in_another_group_is_found_by_its_other_traces() {
        let name = |purpose| format!("backstop-test-{purpose}-{}", Cookie::random());
        let (Ok(group), Ok(other)) = (Cgroup::create(&name("home")), Cgroup::create(&name("away")))
        else {
            println!("skipped: no cgroup can be made here");
            return;
        };
        let cookie = Cookie::random();
        let mut leader = Command::new("sh")
            .args(["-c", HIDDEN])
            .env(Cookie::LINEAGE_VARIABLE, cookie.to_string())
            .spawn()
            .unwrap();
        let found = sleepers(Roots::WithCookie(&cookie), 1);
        group.add(leader.id() as i32).unwrap();
        for hidden in &found[1..] {
            other.add(hidden.pid()).unwrap();
        }
        assert_eq!(members(Roots::Cgroup(&group), &[]).unwrap().found.len(), 1);
        // Beneath one that is in the group; by the cookie, the same.
        for cookie in [None, Some(&cookie)] {
            let traces = Roots::Traces(Traces {
                cgroup: Some(&group),
                cookie,
                ..Traces::default()
            });
            assert_eq!(members(traces, &[]).unwrap().found.len(), 4);
        }
        let known: Vec<&PinnedProcess> = found.iter().collect();
        group.kill().unwrap();
        leader.wait().unwrap();
        // Nothing leads to them any more but that they were known.
        let traces = Traces {
            cgroup: Some(&group),
            cookie: Some(&cookie),
            ..Traces::default()
        };
        assert!(
            members(Roots::Traces(traces), &[])
                .unwrap()
                .found
                .is_empty()
        );
        let traces = Roots::Traces(Traces {
            processes: &known,
            ..traces
        });
        assert_eq!(members(traces, &[]).unwrap().found.len(), 3);
        let takedown = kill_until_empty(traces, &[], Reap::Nothing, deadline()).unwrap();
        assert!(takedown.is_empty, "{takedown:?}");
        assert!(found.iter().all(PinnedProcess::has_exited));
        group.remove().unwrap();
        other.remove().unwrap();
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
