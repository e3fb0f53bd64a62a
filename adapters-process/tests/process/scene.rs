//! What the tests share: trackers, trees that do not want to go, and how to see who is left.

use std::process::Command;
use std::time::{Duration, Instant};

use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Backstop, Tracked, Tracking};
use backstop_core::resource::Rung;
use backstop_os::environment;
use backstop_os::identity::Cookie;
use backstop_os::pinned::PinnedProcess;
use backstop_process::config::child_policy;
use backstop_process::{ChildProcess, Containment};
use backstop_testkit::{Suite, skip};

/// Long enough for any machine; nothing is asserted about it.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn backstop() -> Backstop {
    Backstop::builder().tracking(Tracking::Anonymous).start()
}

/// The ladder without the time that it gives to those who will not use it.
pub(crate) fn impatient() -> CleanupPolicy {
    child_policy()
        .with_deadline(Rung::Ask, Duration::from_millis(100))
        .with_deadline(Rung::Insist, Duration::from_millis(100))
        .with_deadline(Rung::Force, LONG)
        .with_drop_patience(LONG)
}

pub(crate) fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A leader, one in its group, one there that ignores TERM, one with a session of its own, and a
/// double-forked daemon that ignores TERM.
pub(crate) const FIVE: &str = "sleep 1001 & \
    sh -c 'trap \"\" TERM; sleep 1002 & wait; sleep 1002' & \
    setsid sleep 1003 & \
    (setsid sh -c 'trap \"\" TERM; sleep 1004 & exit 0' &); \
    wait; sleep 1005";

/// How many of them sleep once all are there.
pub(crate) const SLEEPERS: usize = 4;

/// The containments that are available here; each that is not is reported as skipped.
pub(crate) fn containments() -> Vec<Containment> {
    let backstop = backstop();
    [Containment::Cgroup, Containment::Walk]
        .into_iter()
        .filter(|wanted| {
            let probe = ChildProcess::builder(Command::new("true"))
                .at_most(*wanted)
                .spawn_on(&backstop)
                .unwrap();
            let had = probe.containment();
            assert!(probe.release().outcome.is_released());
            if had != *wanted {
                skip(Suite::Cgroup, &format!("there is only {had}"));
            }
            had == *wanted
        })
        .collect()
}

/// Starts a tree and waits until so many of it sleep; those are pinned.
pub(crate) fn grown(
    backstop: &Backstop,
    script: &str,
    containment: Containment,
    sleepers: usize,
) -> (Tracked<ChildProcess>, Vec<PinnedProcess>) {
    let child = ChildProcess::builder(sh(script))
        .at_most(containment)
        .policy(impatient())
        .spawn_on(backstop)
        .unwrap();
    assert_eq!(child.containment(), containment);
    let pinned = eventually(|| {
        let members = child.members().unwrap();
        let asleep = members.iter().filter(|member| member.command == "sleep");
        (asleep.count() >= sleepers).then(|| {
            members
                .iter()
                .filter_map(|member| PinnedProcess::pin(member.pid).ok())
                .collect::<Vec<_>>()
        })
    });
    (child, pinned)
}

/// Asserts that no process of a tree lives, by its pidfds and by its cookie.
pub(crate) fn assert_gone(pinned: &[PinnedProcess], cookie: &Cookie, what: &str) {
    for process in pinned {
        assert!(process.has_exited(), "{what}: {:?} lives", process.stat());
    }
    let left = environment::with_cookie(cookie).unwrap().found;
    assert!(left.is_empty(), "{what}: {left:?} carry the cookie");
}

/// Waits until something is there.
#[track_caller]
pub(crate) fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LONG;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "it did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}
