//! Without space, handles, memory, permission, /proc or /dev/shm the program goes on; what could not be
//! tracked is counted and shown; and a sweep that could not look forgets nothing.
//!
//! A release that hangs for ever, panics or lies is the matter of testkit/tests/ladder_product.rs: its
//! siblings are released, and it is named as stuck. What is asserted of time there and here is given by
//! the deadlines of policies.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod marked;
mod plain;
mod stage;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::ledger::{Medium, State};
use backstop_core::reclaim::{Reclaimers, Sweep};
use backstop_os::identity::Cookie;
use backstop_process::{ChildProcess, Containment};
use backstop_tempfs::{TempOptions, temp_dir, temp_file};
use backstop_testkit::role::{self, Actor, PrivateMounts, can_be_within, within};
use backstop_testkit::{ForgedLedger, Suite, skip};
use marked::{Mark, names_in};
use plain::Plain;
use stage::{Finished, Stage};

/// More than the first segments of a ledger hold.
const MANY: u32 = 3000;

/// Tracks many, says how that went, lets them go on cue, and says what is still open.
fn track_many() {
    let backstop = Backstop::global();
    let guards: Vec<_> = (0..MANY).map(|_| backstop.track(Plain)).collect();
    let tracked = guards.iter().filter(|guard| guard.id().is_some()).count();
    say_how(&backstop, tracked);
    role::wait_for_cue();
    for guard in guards {
        assert!(guard.release().outcome.is_released());
    }
    assert!(backstop.is_empty());
}

fn say_how(backstop: &Backstop, tracked: usize) {
    let ledger = backstop.ledger();
    let untracked = ledger.map_or(0, |ledger| ledger.untracked());
    let medium = match ledger.map(|ledger| ledger.medium().clone()) {
        None => "none",
        Some(Medium::Anonymous) => "anonymous",
        Some(Medium::Directory(_)) => "directory",
    };
    let why = backstop.degraded().unwrap_or("-").replace('\n', " ");
    role::say(&format!("{medium} {tracked} {untracked} {why}"));
}

/// What an actor said by [`say_how`].
#[derive(Debug)]
struct Said {
    medium: String,
    tracked: u32,
    untracked: u32,
    why: String,
}

impl Said {
    fn by(actor: &mut Actor) -> Self {
        let line = actor.next_line().unwrap();
        let mut words = line.splitn(4, ' ').map(str::to_owned);
        let mut word = || words.next().unwrap();
        Self {
            medium: word(),
            tracked: word().parse().unwrap(),
            untracked: word().parse().unwrap(),
            why: word(),
        }
    }
}

/// An owner goes on with a ledger that no file holds, says why, and releases all.
fn assert_tracks_without_a_file(mounts: &PrivateMounts, owner: &Command, why: &str) {
    let mut actor = Actor::start(&mut mounts.within(owner));
    let said = Said::by(&mut actor);
    assert_eq!(
        (said.medium.as_str(), said.tracked),
        ("anonymous", MANY),
        "{said:?}"
    );
    assert!(said.why.contains(why), "{said:?}");
    actor.cue();
    assert!(actor.wait().success());
}

/// Mounts of a test's own, or a word why it is skipped.
fn mounts(stage: &Stage, suite: Suite, script: &str) -> Option<PrivateMounts> {
    let script = format!("cd {}\n{script}", stage.path("").display());
    PrivateMounts::with(&script)
        .inspect_err(|reason| skip(suite, reason))
        .ok()
}

fn run_in(mounts: &PrivateMounts, command: &Command) -> Finished {
    let output = mounts
        .within(command)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    Finished::of(&output.unwrap())
}

#[test]
fn a_full_disk_under_the_ledger_is_counted_and_shown() {
    if role::assigned().is_some() {
        return track_many();
    }
    // Room for the header alone, and for the first segments.
    for (size, is_some_tracked) in [("8k", false), ("160k", true)] {
        let stage = Stage::new();
        let script = format!("mount -t tmpfs -o size={size},mode=700 none ledgers");
        let Some(mounts) = mounts(&stage, Suite::FullDisk, &script) else {
            return;
        };
        let mut actor = Actor::start(&mut mounts.within(&stage.actor("owner")));
        let said = Said::by(&mut actor);
        assert_eq!(said.medium, "directory", "{said:?}");
        assert_eq!(said.tracked + said.untracked, MANY, "{said:?}");
        assert_eq!(said.tracked > 0, is_some_tracked, "{said:?}");
        assert!(said.untracked > 0, "{said:?}");
        let listed = run_in(&mounts, &stage.backstop(&["ps"]));
        let shown = format!(
            "{} resources could not be recorded in a ledger",
            said.untracked
        );
        assert!(listed.stderr.contains(&shown), "{said:?}: {listed:?}");
        actor.cue();
        assert!(actor.wait().success());
    }
}

#[test]
fn a_full_disk_under_temp_files_is_an_error_and_leaves_nothing() {
    if role::assigned().is_some() {
        let backstop = Backstop::global();
        let directory = temp_dir().unwrap();
        let beside = TempOptions::new().in_directory(std::env::temp_dir());
        let beside = beside.create_dir().unwrap();
        for name in 0..8 {
            std::fs::write(beside.path().join(name.to_string()), "rows").unwrap();
        }
        let file = temp_file().unwrap();
        let full = (0..1000).find_map(|_| file.access().write_all(&[7; 4096]).err());
        // Neither blocks nor inodes are left after this.
        let mut names = 0;
        let filled = loop {
            names += 1;
            match std::fs::write(directory.path().join(names.to_string()), "") {
                Ok(()) => assert!(names < 100_000),
                Err(error) => break error,
            }
        };
        let refused = [temp_dir().err(), temp_file().err()];
        role::say(&format!(
            "{:?} {:?} {:?}",
            full.map(|error| error.kind()),
            filled.kind(),
            refused.map(|error| error.map(|error| error.chain().contains("No space")))
        ));
        if role::assigned().as_deref() == Some("killed") {
            role::wait_to_be_killed();
        }
        for outcome in [
            beside.release().outcome,
            directory.release().outcome,
            file.release().outcome,
        ] {
            assert!(outcome.is_released(), "{outcome}");
        }
        return drop(backstop.ledger().unwrap().remove());
    }
    let stage = Stage::new();
    let script = "mount -t tmpfs -o size=256k,nr_inodes=300,mode=755 none tmp";
    let Some(mounts) = mounts(&stage, Suite::FullDisk, script) else {
        return;
    };
    for role in ["ends in order", "killed"] {
        let mut actor = Actor::start(&mut mounts.within(&stage.actor(role)));
        let said = actor.next_line().unwrap();
        assert_eq!(
            said,
            "Some(StorageFull) StorageFull [Some(true), Some(true)]"
        );
        if role == "killed" {
            actor.kill();
            let swept = run_in(&mounts, &stage.backstop(&["sweep", "--why"]));
            assert_eq!(swept.code, Some(0), "{swept:?}");
        } else {
            assert!(actor.wait().success());
        }
        let left = names_in(&mounts.seen(&stage.path("tmp")));
        let left: Vec<_> = left.iter().filter(|name| *name != "backstop-").collect();
        // The root of one that ended in order goes with the next sweep.
        let swept = run_in(&mounts, &stage.backstop(&["sweep", "--why"]));
        assert_eq!(swept.code, Some(0), "{role}: {left:?}: {swept:?}");
        let left = names_in(&mounts.seen(&stage.path("tmp")));
        assert_eq!(left, [] as [String; 0], "{role}");
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_told() {
    if role::assigned().is_some() {
        return track_many();
    }
    let stage = Stage::new();
    let script = "mount -t tmpfs -o ro,mode=700 none ledgers";
    let Some(mounts) = mounts(&stage, Suite::ReadOnlyDisk, script) else {
        return;
    };
    assert_tracks_without_a_file(&mounts, &stage.actor("owner"), "ledgers");
    let finished = run_in(&mounts, &stage.backstop(&["run", "--", "echo", "done"]));
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "done\n"),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("Read-only"), "{finished:?}");
}

#[test]
fn a_directory_of_another_user_is_reported() {
    if backstop_os::user::effective_id() != 0 {
        return skip(
            Suite::OtherUsers,
            "only root can run a command as another user",
        );
    }
    let stage = Stage::of_user(Some(65_534));
    std::os::unix::fs::chown(stage.path("ledgers"), Some(0), Some(0)).unwrap();
    let finished = stage.run(&["run", "--", "echo", "done"]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "done\n"),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("ledgers"), "{finished:?}");
}

#[test]
fn without_shared_memory_the_program_goes_on_and_says_so() {
    if role::assigned().is_some() {
        return track_many();
    }
    let stage = Stage::new();
    let script = "mount -t tmpfs -o ro none /dev/shm";
    let Some(mounts) = mounts(&stage, Suite::NoSharedMemory, script) else {
        return;
    };
    let mut command = stage.actor("owner");
    command.env_remove("BACKSTOP_DIR");
    assert_tracks_without_a_file(&mounts, &command, "/dev/shm");
}

/// A child of a killed owner, and a sweep that cannot look: nothing is forgotten.
fn killed_owner_of_a_child(stage: &Stage, mark: &Mark) {
    let mut command = stage.actor("owner of a child");
    let mut owner = Actor::start(mark.put_on(&mut command));
    assert_eq!(owner.next_line().as_deref(), Some("open"));
    owner.kill();
    assert!(!mark.bearers().is_empty());
}

fn own_a_child() {
    let mut command = Command::new("sh");
    command.args(["-c", "setsid sleep 4001 & sleep 4002"]);
    // By its environment, as an ordinary user's.
    let child = ChildProcess::builder(command).at_most(Containment::Walk);
    let _child = child.spawn().unwrap();
    let _directory = temp_dir().unwrap();
    role::say("open");
    role::wait_to_be_killed();
}

/// Nothing of it is alive, or the ledger is still there to tell of it; then a sweep that can look ends
/// it.
fn assert_nothing_was_forgotten(stage: &Stage, mark: &Mark, about: &str) {
    let alive = mark.bearers();
    let mut ledgers = names_in(&stage.path("ledgers"));
    ledgers.retain(|name| name.ends_with(".ledger"));
    assert!(
        alive.is_empty() || !ledgers.is_empty(),
        "{about}: forgotten: {alive:?}"
    );
    let swept = stage.run(&["sweep", "--why"]);
    assert_eq!(swept.code, Some(0), "{about}: {swept:?}");
    let alive = mark.bearers();
    assert!(alive.is_empty(), "{about}: {alive:?}: {swept:?}");
    assert_eq!(stage.left(), [] as [String; 0], "{about}");
}

#[test]
fn a_sweep_without_handles_forgets_nothing() {
    match role::assigned().as_deref() {
        Some("sweeper") => {
            let ledgers = PathBuf::from(std::env::var_os("BACKSTOP_DIR").unwrap());
            let reclaimers = Reclaimers::local();
            // Where no descriptor comes free, it tries to the end of its deadline.
            let sweep = Sweep::new(&reclaimers)
                .directories(vec![ledgers])
                .deadline(Duration::from_millis(100));
            return role::say(&format!("{:?}", sweep.run()).replace('\n', " "));
        }
        Some(_) => own_a_child(),
        None => {}
    }
    for handles in 3..28 {
        let (stage, mark) = (Stage::new(), Mark::new());
        killed_owner_of_a_child(&stage, &mark);
        // And one that was killed before it knew which process its child is.
        let cookie = Cookie::random();
        let mut command = Command::new("sleep");
        command
            .arg("4003")
            .env(Cookie::LINEAGE_VARIABLE, cookie.to_string());
        let mut known_by_cookie = mark.put_on(&mut command).spawn().unwrap();
        let recipe = format!("{{\"form\":\"tree/1\",\"cookie\":\"{cookie}\"}}");
        let ledger = ForgedLedger::new().entry("process.child", "sleep", State::Intent, &recipe);
        let _ = ledger.write(&stage.path("ledgers"));
        let limit = format!("ulimit -n {handles}; exec \"$@\"");
        let command = within(&["sh", "-c", &limit, "sh"], &stage.actor("sweeper"));
        let about = format!("{handles} handles: {}", said_by(command));
        let gone = |process: &mut std::process::Child| process.try_wait().unwrap().is_some();
        let names = names_in(&stage.path("ledgers"));
        let is_forged = |name: &String| name.contains(&ledger.owner.cookie.to_string());
        assert!(
            gone(&mut known_by_cookie) || names.iter().any(is_forged),
            "forgotten: {about}"
        );
        assert_nothing_was_forgotten(&stage, &mark, &about);
        assert!(gone(&mut known_by_cookie), "{about}");
    }
}

/// What an actor says, if it comes so far, and waits for its end.
fn said_by(mut command: Command) -> String {
    let mut actor = Actor::start(&mut command);
    let said = actor.next_line().unwrap_or_default();
    actor.wait();
    said
}

#[test]
fn a_sweep_that_does_not_see_processes_forgets_nothing() {
    if role::assigned().is_some() {
        own_a_child();
    }
    let (stage, mark) = (Stage::new(), Mark::new());
    let Some(mounts) = mounts(&stage, Suite::NoProc, "mount -t tmpfs none /proc") else {
        return;
    };
    killed_owner_of_a_child(&stage, &mark);
    let swept = run_in(&mounts, &stage.backstop(&["sweep", "--why"]));
    assert!(!mark.bearers().is_empty(), "{swept:?}");
    assert_eq!(swept.code, Some(1), "{swept:?}");
    assert!(swept.stdout.contains("kept "), "{swept:?}");
    assert_nothing_was_forgotten(&stage, &mark, &format!("/proc is hidden: {swept:?}"));
}

#[test]
fn without_proc_the_program_goes_on_and_says_so() {
    if role::assigned().is_some() {
        return track_many();
    }
    let stage = Stage::new();
    let Some(mounts) = mounts(&stage, Suite::NoProc, "mount -t tmpfs none /proc") else {
        return;
    };
    assert_tracks_without_a_file(&mounts, &stage.actor("owner"), "/proc");
    // Without a view of the tree there is no promise to take it down: nothing is started.
    let finished = run_in(&mounts, &stage.backstop(&["run", "--", "echo", "done"]));
    assert!(
        finished
            .stderr
            .contains("cannot read the number of threads of this process from /proc"),
        "{finished:?}"
    );
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(125), ""));
}

#[test]
fn a_program_without_handles_goes_on() {
    if role::assigned().is_some() {
        let backstop = Backstop::global();
        // The ledger is there before the handles are taken.
        drop(backstop.track(Plain));
        let directory = temp_dir().unwrap();
        std::fs::write(directory.path().join("part"), "rows").unwrap();
        let taken: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        let refused = [temp_dir().err(), temp_file().err()];
        let refused = refused.iter().flatten().count();
        let guards: Vec<_> = (0..MANY).map(|_| backstop.track(Plain)).collect();
        let tracked = guards.iter().filter(|guard| guard.id().is_some()).count();
        assert!(!taken.is_empty() && refused == 2, "{refused}");
        say_how(&backstop, tracked);
        role::wait_for_cue();
        drop(guards);
        // Without a handle nothing can be proven, and so nothing is removed.
        let stuck = directory.release();
        role::say(&format!("{}", stuck.outcome));
        drop(taken);
        return;
    }
    let stage = Stage::new();
    let limit = ["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"];
    let mut actor = Actor::start(&mut within(&limit, &stage.actor("owner")));
    let said = Said::by(&mut actor);
    // The ledger's file is open already: it grows without another handle.
    assert_eq!(said.tracked + said.untracked, MANY, "{said:?}");
    actor.cue();
    let outcome = actor.next_line().unwrap();
    assert!(
        outcome.contains("stuck") && outcome.contains("Too many open files"),
        "{outcome}"
    );
    actor.wait();
    let swept = stage.run(&["sweep", "--why"]);
    assert_eq!(swept.code, Some(0), "{swept:?}");
    assert_eq!(stage.left(), [] as [String; 0], "{swept:?}");
}

/// Has memory for all that is not a ledger, and then a limit at what it has.
fn track_without_memory() {
    let backstop = Backstop::global();
    drop(backstop.track(Plain));
    let mut guards = Vec::with_capacity(MANY as usize * 10);
    let mut spare: Vec<Box<[u8; 1024]>> = Vec::with_capacity(MANY as usize * 10);
    spare.resize_with(spare.capacity(), || Box::new([0; 1024]));
    // The last one stays, so that what the others had stays with this process.
    spare.drain(..spare.len() - 1);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| {
        let (kilobytes, _) = line.strip_prefix("VmSize:")?.trim().split_once(' ')?;
        kilobytes.parse::<u64>().ok()
    });
    let limited = Command::new("prlimit")
        .args(["--pid", &std::process::id().to_string()])
        .arg(format!("--as={}", size.unwrap() * 1024))
        .status();
    assert!(limited.unwrap().success());
    guards.extend((0..MANY * 10).map(|_| backstop.track(Plain)));
    let tracked = guards.iter().filter(|guard| guard.id().is_some()).count();
    say_how(&backstop, tracked);
    role::wait_for_cue();
    drop(guards);
    assert!(backstop.is_empty());
    drop(spare);
}

#[test]
fn a_program_without_memory_for_its_ledger_goes_on() {
    if role::assigned().is_some() {
        return track_without_memory();
    }
    if let Err(reason) = can_be_within(&["prlimit", "--nofile=64"]) {
        return skip(Suite::NoMemory, &reason);
    }
    let stage = Stage::new();
    let mut actor = Actor::start(&mut stage.actor("owner"));
    let said = Said::by(&mut actor);
    assert!(said.untracked > 0 && said.tracked > 0, "{said:?}");
    assert_eq!(said.tracked + said.untracked, MANY * 10, "{said:?}");
    let listed = stage.run(&["ps"]);
    let shown = format!(
        "{} resources could not be recorded in a ledger",
        said.untracked
    );
    assert!(listed.stderr.contains(&shown), "{said:?}: {listed:?}");
    actor.cue();
    assert!(actor.wait().success());
}

#[test]
fn another_clock_changes_no_verdict() {
    if role::assigned().is_some() {
        own_a_child();
    }
    let namespace = [
        "unshare",
        "--time",
        "--fork",
        "--kill-child=SIGKILL",
        "--boottime",
        "10000000",
        "--monotonic",
        "10000000",
    ];
    if let Err(reason) = can_be_within(&namespace) {
        return skip(Suite::ShiftedClocks, &reason);
    }
    let (stage, mark) = (Stage::new(), Mark::new());
    let mut command = stage.actor("owner of a child");
    let mut owner = Actor::start(&mut within(&namespace, mark.put_on(&mut command)));
    assert_eq!(owner.next_line().as_deref(), Some("open"));
    let listed = stage.run(&["ps"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stdout.contains("process.child"), "{listed:?}");
    let swept = stage.run(&["sweep", "--why"]);
    assert_eq!(swept.code, Some(0), "its owner lives: {swept:?}");
    assert!(mark.bearers().len() >= 3, "{swept:?}");
    owner.kill();
    stage::until("the lease is free", || {
        let rehearsed = stage.run(&["sweep", "--dry-run", "--why"]);
        (rehearsed.code == Some(1)).then_some(())
    });
    let swept = stage.run(&["sweep", "--why"]);
    assert_eq!(swept.code, Some(0), "{swept:?}");
    assert_eq!(mark.bearers(), []);
    assert_eq!(stage.left(), [] as [String; 0]);
}
