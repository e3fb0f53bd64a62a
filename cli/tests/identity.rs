//! Whatever takes the place of what was recorded, or uses it still, a sweep does not touch it, and says
//! why: each case through the command, with its reason.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod forged;
mod stage;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use backstop_core::Backstop;
use backstop_core::ledger::State;
use backstop_core::reclaim::{Judgement, Reclaimers, Sweep, SweepReport};
use backstop_core::tree::TreeReclaimer;
use backstop_os::identity::{BootId, Cookie};
use backstop_os::pinned::PinnedProcess;
use backstop_os::process;
use backstop_os::signal::Signal;
use backstop_os::user;
use backstop_process::ChildProcess;
use backstop_testkit::attackers::{InodeReuser, PidReuser, RawFork};
use backstop_testkit::role::{self, Actor, can_be_within, with_mounts, within};
use backstop_testkit::{ForgedLedger, Suite, rounds, skip};
use forged::{Thing, child_recipe};
use stage::{Finished, Stage, until};

/// An unprivileged user: the UID 65534 of every Linux system.
const STRANGER: u32 = 65_534;

const MOUNTS: [&str; 4] = ["unshare", "--mount", "--propagation", "private"];

/// What the command says to a sweep in which something stays.
fn sweep_that_keeps(stage: &Stage, reason: &str) -> Finished {
    let swept = stage.run(&["sweep", "--why"]);
    assert_eq!(swept.code, Some(1), "{swept:?}");
    assert!(swept.stdout.contains(reason), "{reason}: {swept:?}");
    swept
}

/// And to one in which nothing stays.
fn sweep_to_the_end(stage: &Stage) -> Finished {
    let swept = stage.run(&["sweep", "--why"]);
    assert_eq!(swept.code, Some(0), "{swept:?}");
    assert_eq!(stage.left(), [] as [String; 0], "{swept:?}");
    swept
}

fn sleeper() -> std::process::Child {
    Command::new("sleep").arg("300").spawn().unwrap()
}

fn end(mut child: std::process::Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A process that has ended and was collected, as it was recorded while it lived.
fn dead() -> backstop_os::identity::ProcessIdentity {
    let child = sleeper();
    let recorded = process::identity_of(i32::try_from(child.id()).unwrap()).unwrap();
    end(child);
    recorded
}

fn sweep(ledgers: &Path) -> SweepReport {
    let reclaimers = Reclaimers::new().with(TreeReclaimer);
    Sweep::new(&reclaimers)
        .directories(vec![ledgers.to_owned()])
        .run()
}

#[test]
fn numbers_given_away_again_are_never_signalled() {
    let place = tempfile::tempdir().unwrap();
    let ledgers = place.path().join("ledgers");
    let mut count = 0;
    for round in 0..rounds(60) {
        let recorded = dead();
        let innocent = match PidReuser::take(recorded.pid) {
            Ok(innocent) => innocent,
            Err(reason) if round == 0 => return skip(Suite::PidReuse, &reason),
            // Another process was given the PID first.
            Err(_) => continue,
        };
        let recipe = child_recipe(Cookie::random(), &recorded);
        let ledger = ForgedLedger::new()
            .entry("process.child", "child", State::Live, &recipe)
            .entry("process.server", "server", State::Closing, &recipe)
            .entry("process.run", "run", State::Live, &recipe);
        let path = ledger.write(&ledgers);
        let late = Instant::now() + Actor::PATIENCE;
        while path.exists() {
            let report = sweep(&ledgers);
            assert!(innocent.is_alive(), "round {round}: {report:#?}");
            for item in &report.items {
                // A stranger that executes a program just then may be the one: the next sweep tells.
                let is_right = match &item.judgement {
                    Judgement::Gone { .. } => true,
                    Judgement::Keep { reason, .. } => reason.contains("just now"),
                    Judgement::Reclaim { .. } => false,
                };
                assert!(is_right, "round {round}: {item}");
            }
            assert!(Instant::now() < late, "round {round}: {report:#?}");
        }
        count += 1;
    }
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "{count} numbers given away again, 0 signalled"
    );
}

#[test]
fn a_number_given_away_again_is_explained() {
    let recorded = dead();
    let innocent = match PidReuser::take(recorded.pid) {
        Ok(innocent) => innocent,
        Err(reason) => return skip(Suite::PidReuse, &reason),
    };
    let stage = Stage::new();
    let forge = |recorded| {
        let recipe = child_recipe(Cookie::random(), recorded);
        let ledger = ForgedLedger::new().entry("process.child", "child", State::Live, &recipe);
        ledger.write(&stage.path("ledgers"))
    };
    if recorded.pidfs_inode.is_some() {
        let _ = forge(&recorded);
        let swept = sweep_to_the_end(&stage);
        let reason = "the first process: another process";
        assert!(swept.stdout.contains(reason), "{swept:?}");
        assert!(swept.stdout.contains("recorded: "), "{swept:?}");
    }
    // As recorded by a kernel without pidfs, with a start time that collides: nothing proves either.
    let found = innocent.process().identity().unwrap();
    let mut collision = recorded;
    collision.pidfs_inode = None;
    collision.start_ticks = found.start_ticks;
    collision.executable = found.executable;
    let ledger = forge(&collision);
    sweep_that_keeps(
        &stage,
        "has no recorded pidfs inode and does not carry the cookie",
    );
    assert!(innocent.is_alive() && ledger.exists());
}

#[test]
fn what_was_recorded_in_another_boot_is_gone_and_its_numbers_mean_nothing() {
    let stage = Stage::new();
    let innocent = sleeper();
    let pid = i32::try_from(innocent.id()).unwrap();
    let mut recorded = process::identity_of(pid).unwrap();
    recorded.boot = BootId::from_bytes([7; 16]);
    let recipe = child_recipe(Cookie::random(), &recorded);
    let thing = Thing::directory(&stage.path("work"));
    let mut ledger = ForgedLedger::new()
        .entry("process.child", "child", State::Live, &recipe)
        .entry("process.run", "run", State::Live, &recipe)
        .entry("tempfs.dir", "job", State::Live, &thing.recipe());
    ledger.owner.process.boot = recorded.boot;
    let _ = ledger.write(&stage.path("ledgers"));
    let swept = sweep_to_the_end(&stage);
    for reason in [
        &format!("its owner died in another boot, {}", recorded.boot),
        "no process and no cgroup outlived that",
        // A disk outlives a boot, and the file's handle proves it as before.
        "is the recorded one (handle",
    ] {
        assert!(swept.stdout.contains(reason), "{reason}: {swept:?}");
    }
    assert!(!PinnedProcess::pin(pid).unwrap().has_exited());
    assert!(!thing.path.exists());
    end(innocent);
}

#[test]
fn what_was_recorded_in_another_pid_namespace_is_kept() {
    if role::assigned().is_some() {
        let backstop = Backstop::global();
        let mut command = Command::new("sleep");
        let child = ChildProcess::builder({
            command.arg("300");
            command
        });
        let _child = child.spawn_on(&backstop).unwrap();
        let directory = backstop_tempfs::temp_dir().unwrap();
        role::say(&directory.path().display().to_string());
        role::wait_to_be_killed();
    }
    let namespace = [
        "unshare",
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child=SIGKILL",
    ];
    if let Err(reason) = can_be_within(&namespace) {
        return skip(Suite::PidNamespace, &reason);
    }
    let stage = Stage::new();
    let mut owner = Actor::start(&mut within(&namespace, &stage.actor("owner")));
    let directory = PathBuf::from(owner.next_line().unwrap());
    // In this PID namespace the PIDs in its ledger belong to other processes or to none; its lease is valid.
    let alive = stage.run(&["sweep", "--why"]);
    assert_eq!(alive.code, Some(0), "{alive:?}");
    assert!(directory.exists());
    owner.kill();
    until("the lease is free", || {
        let rehearsed = stage.run(&["sweep", "--dry-run", "--why"]);
        (rehearsed.code == Some(1)).then_some(())
    });
    let swept = sweep_that_keeps(&stage, "recorded in pid namespace ");
    assert!(
        swept.stdout.contains("its PIDs are invalid here"),
        "{swept:?}"
    );
    assert!(!directory.exists(), "a file is proven all the same");
}

#[test]
fn an_inode_given_away_again_is_kept() {
    // The target directory lies on a disk's file system more often than the temp directory.
    let place = match tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")) {
        Ok(place) => place,
        // Built by another user, whose directory it is.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return skip(Suite::InodeReuse, &error.to_string());
        }
        Err(error) => panic!("{error}"),
    };
    let stage = Stage::new();
    let (file, directory) = (Thing::file(place.path()), Thing::directory(place.path()));
    std::fs::remove_file(directory.path.join("file")).unwrap();
    let ledger = ForgedLedger::new()
        .entry("tempfs.file", "file", State::Live, &file.recipe())
        .entry("tempfs.dir", "directory", State::Live, &directory.recipe());
    let _ = ledger.write(&stage.path("ledgers"));
    let reused = InodeReuser::replace_file(&file.path)
        .and_then(|_| InodeReuser::replace_directory(&directory.path));
    if let Err(reason) = reused {
        return skip(Suite::InodeReuse, &reason);
    }
    let swept = sweep_that_keeps(&stage, "of another generation");
    assert_eq!(
        swept.stdout.matches("of another generation").count(),
        2,
        "{swept:?}"
    );
    assert!(file.path.exists() && directory.path.exists());
}

#[test]
fn a_hard_link_keeps_content_and_mode() {
    let stage = Stage::new();
    let (file, directory) = (
        Thing::file(&stage.path("work")),
        Thing::directory(&stage.path("work")),
    );
    let precious = [stage.path("precious-1"), stage.path("precious-2")];
    std::fs::hard_link(&file.path, &precious[0]).unwrap();
    std::fs::hard_link(directory.path.join("file"), &precious[1]).unwrap();
    let before = precious
        .each_ref()
        .map(|path| path.metadata().unwrap().mode());
    let ledger = ForgedLedger::new()
        .entry("tempfs.file", "file", State::Live, &file.recipe())
        .entry("tempfs.dir", "directory", State::Live, &directory.recipe());
    let _ = ledger.write(&stage.path("ledgers"));
    sweep_to_the_end(&stage);
    assert!(!file.path.exists() && !directory.path.exists());
    for (path, mode) in precious.iter().zip(before) {
        let metadata = path.metadata().unwrap();
        assert_eq!((metadata.nlink(), metadata.mode()), (1, mode));
        assert_eq!(std::fs::read(path).unwrap(), b"rows");
    }
}

#[test]
fn what_is_mounted_is_kept() {
    if let Err(reason) = can_be_within(&MOUNTS) {
        return skip(Suite::Mount, &reason);
    }
    let stage = Stage::new();
    let (outer, inner) = (
        Thing::directory(&stage.path("work")),
        Thing::directory(&stage.path("work")),
    );
    let beneath = inner.path.join("inner");
    std::fs::create_dir(&beneath).unwrap();
    let ledger = ForgedLedger::new()
        .entry("tempfs.dir", "outer", State::Live, &outer.recipe())
        .entry("tempfs.dir", "inner", State::Live, &inner.recipe());
    let _ = ledger.write(&stage.path("ledgers"));
    // The same file system once more: what is deleted in it would be gone for all.
    let victim = stage.path("victim");
    std::fs::create_dir(&victim).unwrap();
    std::fs::write(victim.join("precious"), "data").unwrap();
    let mounts = format!(
        "mount --bind {victim} {outer}; mount --bind {victim} {beneath}",
        victim = victim.display(),
        outer = outer.path.display(),
        beneath = beneath.display(),
    );
    let sweep = stage.backstop(&["sweep", "--why"]);
    let swept = with_mounts(&mounts, &sweep)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let swept = Finished::of(&swept.unwrap());
    assert_eq!(swept.code, Some(1), "{swept:?}");
    for reason in [
        &format!("something is mounted on {}", outer.path.display()),
        "mount",
    ] {
        assert!(swept.stdout.contains(reason), "{reason}: {swept:?}");
    }
    assert!(
        swept.stdout.contains("inner") && swept.stdout.contains("stuck"),
        "{swept:?}"
    );
    assert_eq!(std::fs::read(victim.join("precious")).unwrap(), b"data");
    assert!(outer.path.exists() && beneath.exists());
    // Nothing is mounted there any more.
    sweep_to_the_end(&stage);
    assert!(!outer.path.exists() && !inner.path.exists());
    assert!(victim.join("precious").exists());
}

#[test]
fn what_belongs_to_another_user_is_kept() {
    if user::effective_id() != 0 {
        return skip(
            Suite::OtherUsers,
            "only root can give a file to another user",
        );
    }
    let stage = Stage::new();
    let thing = Thing::directory(&stage.path("work"));
    let ledger = ForgedLedger::new().entry("tempfs.dir", "job", State::Live, &thing.recipe());
    let _ = ledger.write(&stage.path("ledgers"));
    std::os::unix::fs::chown(&thing.path, Some(STRANGER), Some(STRANGER)).unwrap();
    sweep_that_keeps(&stage, "it belongs to user 65534, and not to 0");
    assert!(thing.path.join("file").exists());
    // And the reverse: a ledger alone is not proof of ownership.
    std::os::unix::fs::chown(&thing.path, Some(0), Some(0)).unwrap();
    sweep_to_the_end(&stage);
}

#[test]
fn a_root_locked_by_another_process_is_kept() {
    let stage = Stage::new();
    let root = Thing::directory(&stage.path("work"));
    let mut ledger =
        ForgedLedger::new().entry("place.root", "root", State::Live, &root.recipe_of_root());
    ledger.owner.cookie = root.cookie;
    let _ = ledger.write(&stage.path("ledgers"));
    let holder = std::fs::File::open(&root.path).unwrap();
    holder.lock().unwrap();
    sweep_that_keeps(&stage, "another process holds the lock of the root");
    assert!(root.path.join("file").exists());
    drop(holder);
    sweep_to_the_end(&stage);
}

#[test]
fn a_fork_that_keeps_the_lease_is_named_and_nothing_is_touched() {
    if role::assigned().is_some() {
        let directory = backstop_tempfs::temp_dir().unwrap();
        let fork = RawFork::start().unwrap();
        role::say(&format!(
            "{} {}",
            fork.process().pid(),
            directory.path().display()
        ));
        role::wait_to_be_killed();
    }
    let stage = Stage::new();
    let mut owner = Actor::start(&mut stage.actor("owner"));
    let said = owner.next_line().unwrap();
    let (pid, directory) = said.split_once(' ').unwrap();
    let fork = PinnedProcess::pin(pid.parse().unwrap()).unwrap();
    owner.kill();
    let swept = stage.run(&["sweep", "--why"]);
    assert!(
        swept
            .stderr
            .contains("but a forked child of it still holds the lease"),
        "{swept:?}"
    );
    assert!(Path::new(directory).exists() && !fork.has_exited());
    let _ = fork.signal(Signal::KILL).unwrap();
    assert!(fork.wait_exit(stage::PATIENCE).unwrap());
    sweep_to_the_end(&stage);
}
