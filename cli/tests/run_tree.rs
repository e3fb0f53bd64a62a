//! Nothing of the command's tree survives, whichever process of the run is killed.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod stage;

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use backstop_os::pinned::{PinnedProcess, still_running};
use backstop_os::signal::Signal;
use backstop_testkit::{Suite, skip};
use stage::{Finished, Stage, pids_in, supervisor_of, until};

/// An unprivileged user, the UID 65534 of every Linux system: it has no cgroups of its own.
const ORDINARY: u32 = 65_534;

/// How long after the guardian's end a process of the tree that is still alive counts as a survivor: all
/// rungs together take 600 ms. Far below the test's timeout, so that a tree that is never taken down
/// fails the assertion and not the timeout.
const SURVIVAL: Duration = Duration::from_secs(10);

struct FiveProcesses {
    stage: Stage,
    guardian: Option<Child>,
    supervisor: PinnedProcess,
    tree: Vec<PinnedProcess>,
}

impl FiveProcesses {
    fn start(user: Option<u32>, containment: &str) -> Self {
        let stage = Stage::of_user(user);
        let script = stage.path("five.sh");
        std::fs::copy(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/five.sh"),
            &script,
        )
        .unwrap();
        let pids = stage.path("work/pids");
        let guardian = stage
            .backstop(&["run", "--containment", containment, "--grace", "300ms"])
            .args(["--kill-after", "300ms", "--", "sh"])
            .args([&script, &pids])
            .spawn()
            .unwrap();
        let supervisor = supervisor_of(&guardian);
        let tree = pids_in(&pids, 5);
        Self {
            stage,
            guardian: Some(guardian),
            supervisor,
            tree,
        }
    }

    /// Waits for the end of both, and asserts that nothing is left of anything.
    fn assert_nothing_survives(mut self) -> Finished {
        until("the guardian has ended", || {
            self.guardian.as_mut().unwrap().try_wait().unwrap()
        });
        // Before its output is read, which comes to an end with the last survivor.
        let _ = still_running(&self.tree, Instant::now() + SURVIVAL).unwrap();
        let alive: Vec<i32> = self
            .tree
            .iter()
            .filter(|process| !process.has_exited())
            .map(PinnedProcess::pid)
            .collect();
        assert_eq!(alive, [] as [i32; 0], "survivors");
        until("the supervisor has ended", || {
            self.supervisor.has_exited().then_some(())
        });
        let output = self.guardian.take().unwrap().wait_with_output().unwrap();
        assert_eq!(self.stage.left(), [] as [String; 0], "left on disk");
        Finished::of(&output)
    }
}

impl FiveProcesses {
    fn guardian(&self) -> PinnedProcess {
        PinnedProcess::pin(self.guardian.as_ref().unwrap().id() as i32).unwrap()
    }
}

/// A test that fails leaves nothing behind either.
impl Drop for FiveProcesses {
    fn drop(&mut self) {
        for process in self.tree.iter().chain([&self.supervisor]) {
            let _ = process.signal(Signal::KILL);
        }
        if let Some(mut guardian) = self.guardian.take() {
            let _ = guardian.kill();
            let _ = guardian.wait();
        }
    }
}

fn is_root() -> bool {
    backstop_os::user::effective_id() == 0
}

/// Whether this user may create cgroups on this machine; reports a skip if not.
fn can_contain(user: Option<u32>) -> bool {
    if user.is_some() && !is_root() {
        skip(
            Suite::OtherUsers,
            "only root can run a command as another user",
        );
        return false;
    }
    let name = format!("backstop-test-{}", std::process::id());
    match (user, backstop_os::cgroup::Cgroup::create(&name)) {
        (_, Ok(group)) => {
            group.remove().unwrap();
            true
        }
        (Some(_), Err(_)) => true,
        (None, Err(error)) => {
            skip(Suite::Cgroup, &error.to_string());
            false
        }
    }
}

#[derive(Clone, Copy)]
enum Attack {
    TermSupervisor,
    TermGuardian,
    KillSupervisor,
    KillGuardian,
}

fn attack(user: Option<u32>, attack: Attack) {
    if !can_contain(user) {
        return;
    }
    let five = FiveProcesses::start(user, "auto");
    let guardian = five.guardian();
    match attack {
        Attack::TermSupervisor => drop(five.supervisor.signal(Signal::TERM)),
        Attack::TermGuardian => drop(guardian.signal(Signal::TERM)),
        Attack::KillSupervisor => drop(five.supervisor.signal(Signal::KILL)),
        Attack::KillGuardian => drop(guardian.signal(Signal::KILL)),
    }
    let finished = five.assert_nothing_survives();
    let expected = match attack {
        Attack::KillGuardian => None,
        Attack::KillSupervisor => Some(137),
        Attack::TermSupervisor | Attack::TermGuardian => Some(143),
    };
    assert_eq!(finished.code, expected, "{finished:?}");
    let containment = match (user, attack) {
        // The guardian walks: it does not know the group.
        (_, Attack::KillSupervisor) | (Some(_), _) => "(subreaper)",
        (None, _) => "(cgroup)",
    };
    assert!(finished.stderr.contains(containment), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("left behind, and gone now"),
        "{}",
        finished.stderr
    );
}

#[test]
fn term_to_the_supervisor_in_a_cgroup() {
    attack(None, Attack::TermSupervisor);
}

#[test]
fn term_to_the_guardian_in_a_cgroup() {
    attack(None, Attack::TermGuardian);
}

#[test]
fn kill_of_the_supervisor_in_a_cgroup() {
    attack(None, Attack::KillSupervisor);
}

#[test]
fn kill_of_the_guardian_in_a_cgroup() {
    attack(None, Attack::KillGuardian);
}

#[test]
fn term_to_the_supervisor_as_an_ordinary_user() {
    attack(Some(ORDINARY), Attack::TermSupervisor);
}

#[test]
fn term_to_the_guardian_as_an_ordinary_user() {
    attack(Some(ORDINARY), Attack::TermGuardian);
}

#[test]
fn kill_of_the_supervisor_as_an_ordinary_user() {
    attack(Some(ORDINARY), Attack::KillSupervisor);
}

#[test]
fn kill_of_the_guardian_as_an_ordinary_user() {
    attack(Some(ORDINARY), Attack::KillGuardian);
}

/// Both at once is more than one SIGKILL: the next sweep finds the tree.
#[test]
fn kill_of_both_is_mended_by_a_sweep() {
    for user in [None, Some(ORDINARY)] {
        if !can_contain(user) {
            continue;
        }
        let mut five = FiveProcesses::start(user, "auto");
        let guardian = five.guardian();
        // Neither may see the other's death in between.
        let stop = |process: &PinnedProcess| assert!(process.signal(Signal::STOP).is_ok());
        stop(&guardian);
        stop(&five.supervisor);
        let _ = guardian.signal(Signal::KILL).unwrap();
        let _ = five.supervisor.signal(Signal::KILL).unwrap();
        five.guardian.as_mut().unwrap().wait().unwrap();
        until("the supervisor has ended", || {
            five.supervisor.has_exited().then_some(())
        });
        assert!(five.tree.iter().all(|process| !process.has_exited()));

        let rehearsed = five.stage.run(&["sweep", "--dry-run", "--why"]);
        assert_eq!(rehearsed.code, Some(1), "{rehearsed:?}");
        let proof = if user.is_none() {
            "has the recorded inode"
        } else {
            "carries the cookie in its environment"
        };
        assert!(rehearsed.stdout.contains(proof), "{rehearsed:?}");
        assert!(five.tree.iter().all(|process| !process.has_exited()));

        let swept = five.stage.run(&["sweep", "--why"]);
        assert_eq!(swept.code, Some(0), "{swept:?}");
        assert!(five.tree.iter().all(PinnedProcess::has_exited), "{swept:?}");
        assert_eq!(five.stage.left(), [] as [String; 0]);
    }
}

#[test]
fn a_group_signal_counts_once_and_the_command_gets_its_grace() {
    let stage = Stage::new();
    let ready = stage.path("work/ready");
    let script =
        "trap 'sleep 0.5; echo cleaned; exit 3' TERM; echo >\"$0\"; while :; do sleep 0.05; done";
    let mut command = stage.backstop(&["run", "--grace", "20s", "--", "sh", "-c", script]);
    command.arg(&ready);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let guardian = command.spawn().unwrap();
    until("the command is ready", || ready.exists().then_some(()));
    // To everyone in the group, as CI systems and `timeout` do.
    let group = format!("-{}", guardian.id());
    assert!(
        Command::new("kill")
            .args(["-TERM", "--", &group])
            .status()
            .unwrap()
            .success()
    );
    let finished = Finished::of(&guardian.wait_with_output().unwrap());
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stdout.contains("cleaned"), "{finished:?}");
}

#[test]
fn a_second_signal_skips_to_force() {
    let stage = Stage::new();
    let ready = stage.path("work/ready");
    let script =
        "trap '' TERM; trap 'echo >\"$0.asked\"' INT; echo >\"$0\"; while :; do sleep 0.05; done";
    let guardian = stage
        .backstop(&[
            "run",
            "--grace",
            "10m",
            "--kill-after",
            "10m",
            "--",
            "sh",
            "-c",
            script,
        ])
        .arg(&ready)
        .spawn()
        .unwrap();
    until("the command is ready", || ready.exists().then_some(()));
    let pinned = PinnedProcess::pin(guardian.id() as i32).unwrap();
    let _ = pinned.signal(Signal::INT).unwrap();
    // The first has come to the command: the second is one more, and not the same that came late.
    let asked = stage.path("work/ready.asked");
    until("the command is asked to end", || {
        asked.exists().then_some(())
    });
    let _ = pinned.signal(Signal::TERM).unwrap();
    let finished = Finished::of(&guardian.wait_with_output().unwrap());
    assert_eq!(finished.code, Some(137), "{finished:?}");
    assert!(finished.stderr.contains("SIGINT"), "{finished:?}");
}
