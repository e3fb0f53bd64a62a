//! No process of a tree survives its release.

use backstop_core::release::Outcome;
use backstop_core::resource::Rung;
use backstop_os::adopt::Adopt;
use backstop_os::cgroup::Cgroup;
use backstop_os::identity::Cookie;
use backstop_os::pinned::PinnedProcess;
use backstop_os::subreaper::{is_subreaper, set_subreaper};
use backstop_os::takedown::Roots;
use backstop_os::tree;
use backstop_process::{ChildProcess, Containment};
use backstop_testkit::{Suite, skip};

use crate::scene::{
    FIVE, SLEEPERS, assert_gone, backstop, containments, eventually, grown, impatient, sh,
};

#[test]
fn no_process_outlives_release_force_or_drop() {
    let backstop = backstop();
    for containment in containments() {
        for way in ["release", "force", "drop"] {
            let (child, pinned) = grown(&backstop, FIVE, containment, SLEEPERS);
            let cookie = child.cookie();
            match way {
                "release" => {
                    let release = child.release();
                    assert_eq!(
                        release.outcome,
                        Outcome::Released,
                        "{containment}: {release}"
                    );
                    assert_eq!(release.rung, Rung::Force, "two ignore TERM");
                }
                "force" => assert_eq!(child.force().outcome, Outcome::Released),
                _ => drop(child),
            }
            assert_gone(&pinned, &cookie, &format!("{containment}, {way}"));
        }
    }
    assert!(backstop.is_empty());
}

#[test]
fn what_a_child_left_behind_goes_with_it() {
    let backstop = backstop();
    for containment in containments() {
        let script = "(setsid sh -c 'sleep 1011 & exit 0' &); setsid sleep 1012 & exit 3";
        let child = ChildProcess::builder(sh(script))
            .at_most(containment)
            .policy(impatient())
            .spawn_on(&backstop)
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(3));
        let left = eventually(|| {
            let members = child.members().unwrap();
            (members.iter().filter(|one| one.command == "sleep").count() == 2).then_some(members)
        });
        let cookie = child.cookie();
        // The status is read again: it is with the kernel until the release.
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(3));
        let release = child.release();
        assert_eq!(release.outcome, Outcome::Released, "{release}");
        // The child has exited, so there is no process to ask first; the sleepers exit on the signal.
        assert_eq!(release.rung, Rung::Ask, "{left:?}");
        assert_gone(&[], &cookie, &containment.to_string());
    }
}

#[test]
fn a_member_without_environment_or_parents_is_remembered() {
    let backstop = backstop();
    // It ignores TERM, and loses its parent when the leader follows it.
    let script = "(trap '' TERM; exec env -i setsid sleep 1021) & wait";
    let (child, pinned) = grown(&backstop, script, Containment::Walk, 1);
    let release = child.release();
    assert_eq!(release.outcome, Outcome::Released, "{release}");
    assert!(pinned.iter().all(PinnedProcess::has_exited));
}

/// How many files this process has read from so far, in calls; `None` if the kernel does not count.
fn reads_so_far() -> Option<u64> {
    let counts = std::fs::read_to_string("/proc/self/io").ok()?;
    let line = counts.lines().find_map(|line| line.strip_prefix("syscr: "));
    line?.parse().ok()
}

#[test]
fn hundreds_of_sessions_are_looked_for_together() {
    const SESSIONS: usize = 300;
    let backstop = backstop();
    // Without environment, so without the cookie; reparented to init once the leader is dead.
    let script = format!(
        "i=0; while [ $i -lt {SESSIONS} ]; do env -i setsid sleep 1041 & i=$((i+1)); done; wait"
    );
    let (child, pinned) = grown(&backstop, &script, Containment::Walk, SESSIONS);
    assert_eq!(pinned.len(), SESSIONS + 1);
    let before = reads_so_far();
    let release = child.force();
    assert_eq!(release.outcome, Outcome::Released, "{release}");
    assert!(pinned.iter().all(PinnedProcess::has_exited));
    let (Some(before), Some(after)) = (before, reads_so_far()) else {
        return skip(Suite::ReadCounts, "this kernel keeps none");
    };
    // A look at all processes for each of them would be hundreds of reads for each.
    let each = (after - before) / SESSIONS as u64;
    assert!(each < 60, "{each} reads for each session");
}

#[test]
fn a_stopped_child_takes_the_signal_too() {
    let backstop = backstop();
    let (child, pinned) = grown(&backstop, "sleep 1031 & wait", Containment::Walk, 1);
    child
        .signal_tree(backstop_os::signal::Signal::STOP)
        .unwrap();
    let release = child.release();
    assert_eq!(release.outcome, Outcome::Released);
    assert!(release.rung < Rung::Force, "{release}");
    assert!(pinned.iter().all(PinnedProcess::has_exited));
}

#[test]
fn a_subreaper_is_left_without_zombies_and_other_children_are_not_touched() {
    let backstop = backstop();
    set_subreaper(Adopt::Orphans).unwrap();
    if !is_subreaper().unwrap() {
        skip(
            Suite::Subreaper,
            "the kernel does not make one of this process",
        );
        return;
    }
    let mut stranger = sh("exit 5").spawn().unwrap();
    let (child, pinned) = grown(&backstop, FIVE, Containment::Walk, SLEEPERS);
    assert_eq!(child.release().outcome, Outcome::Released);
    for process in &pinned {
        eventually(|| {
            // Reaped, by us: an orphan became this process's child.
            (process.liveness().unwrap() == backstop_os::liveness::Liveness::Gone).then_some(())
        });
    }
    assert_eq!(stranger.wait().unwrap().code(), Some(5));
}

#[test]
fn an_outer_owner_finds_what_an_inner_one_started() {
    let backstop = backstop();
    // As an inner user of this library would: its own cookie behind the one that it was given.
    let script = "BACKSTOP_CHILD=$BACKSTOP_CHILD:00112233445566778899aabbccddeeff \
        setsid sh -c 'sleep 1041 & exit 0'; wait; sleep 1042";
    let (child, pinned) = grown(&backstop, script, Containment::Walk, 2);
    let cookie = child.cookie();
    assert_eq!(child.force().outcome, Outcome::Released);
    assert_gone(&pinned, &cookie, "nested");
}

#[test]
fn a_child_that_moved_itself_to_another_cgroup_goes_with_the_tree() {
    let backstop = backstop();
    for containment in containments() {
        let name = format!("backstop-test-away-{}", Cookie::random());
        let away = match Cgroup::create(&name) {
            Ok(away) => away,
            Err(error) => {
                return backstop_testkit::skip(backstop_testkit::Suite::Cgroup, &error.to_string());
            }
        };
        let procs = away.identity().path.join("cgroup.procs");
        let procs = procs.display();
        // One that carries the cookie, and one that does not.
        let script = format!(
            "sh -c 'echo $$ >{procs}; exec sleep 1051' & \
            env -i setsid sh -c 'echo $$ >{procs}; exec sleep 1052' & wait"
        );
        let child = ChildProcess::builder(sh(&script))
            .at_most(containment)
            .policy(impatient())
            .spawn_on(&backstop)
            .unwrap();
        // Without a search of the tree's own, by which it would know them.
        let moved = eventually(|| {
            let found = tree::members(Roots::Cgroup(&away), &[]).unwrap().found;
            let asleep = |one: &PinnedProcess| one.stat().is_ok_and(|stat| stat.comm == "sleep");
            (found.len() == 2 && found.iter().all(asleep)).then_some(found)
        });
        let release = child.release();
        assert_eq!(
            release.outcome,
            Outcome::Released,
            "{containment}: {release}"
        );
        assert!(moved.iter().all(PinnedProcess::has_exited), "{containment}");
        away.remove().unwrap();
    }
}

#[test]
fn what_cleared_its_environment_beneath_a_carrier_goes_with_the_tree() {
    let backstop = backstop();
    // The leader ends; a carrier stays, and beneath it two forks without environment.
    let script =
        "setsid sh -c 'env -i sh -c \"sh -c \\\"sleep 1061 & wait\\\" & wait\" & wait' & exit 0";
    for containment in containments() {
        let child = ChildProcess::builder(sh(script))
            .at_most(containment)
            .policy(impatient())
            .spawn_on(&backstop)
            .unwrap();
        let cookie = child.cookie();
        assert!(child.wait().unwrap().success());
        let found = eventually(|| {
            let found = tree::members(Roots::WithCookie(&cookie), &[])
                .unwrap()
                .found;
            let asleep = |one: &PinnedProcess| one.stat().is_ok_and(|stat| stat.comm == "sleep");
            found.iter().any(asleep).then_some(found)
        });
        assert!(found.len() >= 4, "{found:?}");
        let release = child.release();
        assert_eq!(
            release.outcome,
            Outcome::Released,
            "{containment}: {release}"
        );
        assert_gone(&found, &cookie, &containment.to_string());
    }
}
