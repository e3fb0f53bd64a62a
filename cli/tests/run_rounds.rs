//! SIGKILL of a run's guardian, its supervisor, or both, at any instant after the start, also before the
//! command has started: nothing of the tree, its cgroup, its temp directory and its ledger is left, at
//! once, or for both after one sweep.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod marked;
mod stage;

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use backstop_os::cgroup::Cgroup;
use backstop_os::identity::Cookie;
use backstop_os::pinned::PinnedProcess;
use backstop_os::process_stat::ProcessState;
use backstop_os::process_table;
use backstop_os::signal::Signal;
use backstop_testkit::dice::Dice;
use backstop_testkit::rounds;
use backstop_testkit::{Suite, skip};
use marked::{Mark, names_in};
use stage::{Finished, Stage, until};

/// A leader, one in its group, one with a session of its own, a double-forked daemon, and files.
const TREE: &str = "sleep 3001 & setsid sleep 3002 & (setsid sh -c 'sleep 3003 & exit 0' &); \
    echo rows >\"$TMPDIR/part\"; wait";

/// The same, and a process that has no environment and loses its parent: known by its argument alone.
/// Only a cgroup or a living guard finds it.
const WITH_A_STRANGER: &str = "env -i setsid sh -c 'sleep 3004; :' \"$0\" & exec sleep 3005";

/// The latest instant of a blow: the tree is grown by then.
const LATEST: Duration = Duration::from_millis(30);

/// How long after the guardian's end a process of the tree that is still alive counts as a survivor: the
/// tree has 100 ms to end. Far below the test's timeout, so that a tree that is never taken down fails
/// the assertion and not the timeout.
const SURVIVAL: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    Guardian,
    Supervisor,
    Both,
}

/// A cgroup of a round's own, in which its run makes that of the tree: what is left in it belongs to this
/// round.
struct Pen(Cgroup);

impl Pen {
    fn new() -> Option<Self> {
        let name = format!("test-{}", Cookie::random());
        Cgroup::create(&name).ok().map(Self)
    }

    fn path(&self) -> &Path {
        &self.0.identity().path
    }

    fn groups(&self) -> Vec<String> {
        let mut names = names_in(self.path());
        names.retain(|name| self.path().join(name).is_dir());
        names
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        // A round that failed leaves nothing behind either.
        let _ = self.0.kill();
        let _ = self.0.wait_empty(Instant::now() + stage::PATIENCE);
        let _ = self.0.remove();
    }
}

/// The command, which goes into the pen before it becomes the guardian.
fn penned(stage: &Stage, pen: Option<&Pen>) -> Command {
    let Some(pen) = pen else {
        return stage.backstop(&[]);
    };
    let mut command = stage.command(Path::new("sh"));
    command
        .args(["-c", "echo $$ >\"$0/cgroup.procs\" && exec \"$@\""])
        .args([pen.path(), &stage.binary()]);
    command
}

/// The guardian's child, the supervisor, if it is there already.
fn supervisor_of(guardian: &Child) -> Option<PinnedProcess> {
    let children = process_table::children(i32::try_from(guardian.id()).ok()?).ok()?;
    PinnedProcess::pin(*children.first()?).ok()
}

fn strike(whom: Whom, guardian: &mut Child) {
    match whom {
        Whom::Guardian => drop(guardian.kill()),
        Whom::Supervisor => {
            // A run that has ended by itself has none any more; the command runs until it is ended.
            let supervisor = until("the supervisor is there", || supervisor_of(guardian));
            let _ = supervisor.signal(Signal::KILL);
        }
        Whom::Both => {
            // Stopped, it starts none between the look and the blow.
            let pinned = PinnedProcess::pin(i32::try_from(guardian.id()).unwrap()).unwrap();
            let _ = pinned.signal(Signal::STOP);
            until("the guardian stands still", || {
                let stat = pinned.stat().ok()?;
                matches!(stat.state, ProcessState::Stopped | ProcessState::Zombie).then_some(())
            });
            if let Some(supervisor) = supervisor_of(guardian) {
                let _ = supervisor.signal(Signal::KILL);
                assert!(supervisor.wait_exit(stage::PATIENCE).unwrap());
            }
            let _ = guardian.kill();
        }
    }
}

/// The processes that carry the mark, once there is none or the time is over.
fn left_after(mark: &Mark, span: Duration) -> Vec<(i32, String)> {
    let end = Instant::now() + span;
    loop {
        let left = mark.bearers();
        if left.is_empty() || Instant::now() >= end {
            return left;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn play(stage: &Stage, whom: Whom, script: &str, dice: &mut Dice) {
    let containment = *dice.of(&["auto", "subreaper"]);
    let mark = Mark::new();
    let pen = Pen::new();
    // Without a cgroup, the process without environment cannot be found after both were killed.
    let is_contained = containment == "auto" && pen.is_some();
    let script = match whom {
        Whom::Both if !is_contained => TREE,
        _ => script,
    };
    let mut command = penned(stage, pen.as_ref());
    command
        .args(["run", "--containment", containment])
        .args(["--grace", "100ms", "--kill-after", "100ms"])
        .args(["--", "sh", "-c", script, mark.text()]);
    let mut guardian = mark.put_on(&mut command).spawn().unwrap();
    let latest = u64::try_from(LATEST.as_micros()).unwrap();
    let span = Duration::from_micros(dice.below(latest));
    let about = format!("{whom:?} in {containment} after {span:?}");
    // The instant is the point: there is nothing to wait for but the time.
    std::thread::sleep(span);
    strike(whom, &mut guardian);
    if whom == Whom::Both {
        guardian.wait().unwrap();
        let swept = stage.run(&["sweep", "--why"]);
        assert_eq!(swept.code, Some(0), "{about}: {swept:?}");
        let left = mark.bearers();
        assert!(left.is_empty(), "{about}: survivors: {left:?}: {swept:?}");
    } else {
        // Its output comes to an end with the last survivor: not waited for before there is none.
        until(&format!("the guardian has ended, {about}"), || {
            guardian.try_wait().unwrap()
        });
        let left = left_after(&mark, SURVIVAL);
        assert!(left.is_empty(), "{about}: survivors: {left:?}");
        let finished = Finished::of(&guardian.wait_with_output().unwrap());
        let expected = if whom == Whom::Guardian {
            None
        } else {
            Some(137)
        };
        assert_eq!(finished.code, expected, "{about}: {finished:?}");
    }
    assert_eq!(stage.left(), [] as [String; 0], "{about}");
    let groups = pen.as_ref().map(Pen::groups).unwrap_or_default();
    assert_eq!(groups, [] as [String; 0], "{about}");
}

fn play_rounds(whom: Whom) {
    if Pen::new().is_none() {
        skip(Suite::Cgroup, "no cgroup can be made: by subreaper only");
    }
    let stage = Stage::new();
    let count = rounds(20);
    for round in 0..count {
        let mut dice = Dice::new(u64::from(round) << 8 | whom as u64);
        let script = *dice.of(&[TREE, WITH_A_STRANGER]);
        play(&stage, whom, script, &mut dice);
    }
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{whom:?}: {count} rounds, 0 left");
}

#[test]
fn a_guardian_killed_at_any_instant_leaves_nothing() {
    play_rounds(Whom::Guardian);
}

#[test]
fn a_supervisor_killed_at_any_instant_leaves_nothing() {
    play_rounds(Whom::Supervisor);
}

#[test]
fn both_killed_at_any_instant_leave_nothing_after_a_sweep() {
    play_rounds(Whom::Both);
}
