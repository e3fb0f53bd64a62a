//! On a disk that gives errors the program goes on; what could not be made, written or removed is told;
//! and a sweep that was answered an error keeps what it could not settle, for the next.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod marked;
mod plain;
mod stage;

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use backstop_core::Backstop;
use backstop_core::reclaim::{Reclaimers, Sweep};
use backstop_process::{ChildProcess, Containment};
use backstop_tempfs::{AtomicFile, AtomicOptions, TempOptions, temp_dir, temp_file};
use backstop_testkit::attackers::{DiskCall, fail_from_now_on, on_failing_disk};
use backstop_testkit::role::{self, Actor, within};
use backstop_testkit::{Suite, skip};
use marked::{Mark, names_in};
use plain::Plain;
use stage::{Finished, Stage};

/// What the kernel's EIO is called.
const EIO: &str = "Input/output error";

/// More than the first segments of a ledger hold.
const MANY: usize = 3000;

/// Runs `backstop` where these calls fail.
fn failing(stage: &Stage, calls: &[DiskCall], arguments: &[&str]) -> Finished {
    let mut command = stage.backstop(arguments);
    Finished::of(&on_failing_disk(&mut command, calls).output().unwrap())
}

/// Whether calls can be made to fail here; else the suite is skipped.
fn can_fail() -> bool {
    let refused = on_failing_disk(&mut Command::new("true"), &[DiskCall::Sync]).status();
    if let Err(error) = &refused {
        skip(
            Suite::FailingCalls,
            &format!("calls cannot be filtered: {error}"),
        );
    }
    refused.is_ok()
}

/// A sweep on a sound disk settles all that was left.
fn assert_the_next_sweep_is_clean(stage: &Stage, about: &str) {
    let swept = stage.run(&["sweep", "--why"]);
    assert_eq!(swept.code, Some(0), "{about}: {swept:?}");
    assert_eq!(stage.left(), [] as [String; 0], "{about}: {swept:?}");
}

#[test]
fn what_a_run_cannot_remove_is_named_and_the_next_sweep_removes_it() {
    if !can_fail() {
        return;
    }
    for containment in ["auto", "subreaper"] {
        let (stage, mark) = (Stage::new(), Mark::new());
        let script = "echo rows >$TMPDIR/part.csv; setsid sleep 301 & exit 3";
        let mut command = stage.backstop(&["run", "--containment", containment]);
        command.args(["--", "sh", "-c", script]);
        let command = on_failing_disk(mark.put_on(&mut command), &[DiskCall::Remove]);
        let finished = Finished::of(&command.output().unwrap());
        assert_eq!(finished.code, Some(3), "{finished:?}");
        assert_eq!(mark.bearers(), [], "{finished:?}");
        for word in ["sleep 301", "STUCK", EIO] {
            assert!(finished.stderr.contains(word), "{word}: {finished:?}");
        }
        assert!(!finished.stderr.contains("panicked"), "{finished:?}");
        assert_ne!(names_in(&stage.path("tmp")), [] as [String; 0]);
        assert_the_next_sweep_is_clean(&stage, &format!("{containment}: {finished:?}"));
    }
}

#[test]
fn a_run_whose_ledger_cannot_be_made_goes_on_and_says_so() {
    if !can_fail() {
        return;
    }
    let (stage, mark) = (Stage::new(), Mark::new());
    let script = "echo rows >$TMPDIR/part.csv; setsid sleep 301 & echo done; exit 3";
    let mut command = stage.backstop(&["run", "--", "sh", "-c", script]);
    let command = on_failing_disk(mark.put_on(&mut command), &[DiskCall::Reserve]);
    let finished = Finished::of(&command.output().unwrap());
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(3), "done\n"),
        "{finished:?}"
    );
    assert_eq!(finished.stderr.matches(EIO).count(), 1, "{finished:?}");
    assert!(finished.stderr.contains("sleep 301"), "{finished:?}");
    assert_eq!(mark.bearers(), [], "{finished:?}");
    assert_the_next_sweep_is_clean(&stage, &format!("{finished:?}"));
}

#[test]
fn a_ledger_that_cannot_grow_is_counted_and_shown() {
    if role::assigned().is_some() {
        let backstop = Backstop::global();
        drop(backstop.track(Plain));
        fail_from_now_on(&[DiskCall::Reserve]).unwrap();
        let guards: Vec<_> = (0..MANY).map(|_| backstop.track(Plain)).collect();
        let tracked = guards.iter().filter(|guard| guard.id().is_some()).count();
        let untracked = backstop.ledger().unwrap().untracked();
        role::say(&format!("{tracked} {untracked}"));
        role::wait_for_cue();
        for guard in guards {
            assert!(guard.release().outcome.is_released());
        }
        assert!(backstop.is_empty());
        return;
    }
    if !can_fail() {
        return;
    }
    let stage = Stage::new();
    let mut actor = Actor::start(&mut stage.actor("owner"));
    let said = actor.next_line().unwrap();
    let (tracked, untracked) = said.split_once(' ').unwrap();
    let [tracked, untracked]: [usize; 2] = [tracked, untracked].map(|count| count.parse().unwrap());
    assert!(tracked > 0 && untracked > 0, "{said}");
    assert_eq!(tracked + untracked, MANY);
    let listed = stage.run(&["ps"]);
    let shown = format!("{untracked} resources could not be recorded in a ledger");
    assert!(listed.stderr.contains(&shown), "{said}: {listed:?}");
    actor.cue();
    assert!(actor.wait().success());
}

#[test]
fn an_entry_that_cannot_be_removed_is_stuck_and_its_siblings_are_released() {
    if role::assigned().is_some() {
        let directory = temp_dir().unwrap();
        std::fs::write(directory.path().join("part"), "rows").unwrap();
        let beside = TempOptions::new().in_directory(std::env::temp_dir());
        let beside = beside.create_dir().unwrap();
        std::fs::write(beside.path().join("part"), "rows").unwrap();
        let plain = Backstop::global().track(Plain);
        fail_from_now_on(&[DiskCall::Remove]).unwrap();
        let outcomes = [directory.release().outcome, beside.release().outcome];
        role::say(&format!("{} / {}", outcomes[0], outcomes[1]));
        role::say(&format!("{}", plain.release().outcome));
        return;
    }
    if !can_fail() {
        return;
    }
    let stage = Stage::new();
    let mut actor = Actor::start(&mut stage.actor("owner"));
    let said = actor.next_line().unwrap();
    for outcome in said.split(" / ") {
        assert!(outcome.contains("stuck") && outcome.contains(EIO), "{said}");
    }
    assert_eq!(actor.next_line().as_deref(), Some("released"));
    actor.wait();
    assert_the_next_sweep_is_clean(&stage, &said);
}

#[test]
fn a_replaced_file_is_the_old_one_whole_until_the_disk_has_the_new() {
    if role::assigned().is_some() {
        let place = std::env::temp_dir();
        let file = AtomicOptions::new().create(place.join("table")).unwrap();
        file.access().write_all(b"new").unwrap();
        let calls = match role::assigned().as_deref() {
            Some("sync") => DiskCall::Sync,
            _ => DiskCall::Rename,
        };
        fail_from_now_on(&[calls]).unwrap();
        let error = AtomicFile::commit(file).unwrap_err();
        return role::say(&error.chain().replace('\n', " "));
    }
    if !can_fail() {
        return;
    }
    for role in ["sync", "rename"] {
        let stage = Stage::new();
        let table = stage.path("tmp/table");
        std::fs::write(&table, "old").unwrap();
        let said = said_by(stage.actor(role));
        assert!(said.contains(EIO) && said.contains("new content"), "{said}");
        assert_eq!(std::fs::read(&table).unwrap(), b"old");
        // What was written and not committed is gone.
        std::fs::remove_file(table).unwrap();
        assert_the_next_sweep_is_clean(&stage, &said);
    }
}

/// What an actor says, if it comes so far, and waits for its end.
fn said_by(mut command: Command) -> String {
    let mut actor = Actor::start(&mut command);
    let said = actor.next_line().unwrap_or_default();
    actor.wait();
    said
}

/// Opens one of each and waits to be killed.
fn own_one_of_each() -> ! {
    let mut command = Command::new("sh");
    command.args(["-c", "setsid sleep 4001 & sleep 4002"]);
    let child = ChildProcess::builder(command).at_most(Containment::Walk);
    let _child = child.spawn().unwrap();
    let directory = temp_dir().unwrap();
    std::fs::write(directory.path().join("part"), "rows").unwrap();
    let _file = temp_file().unwrap();
    // Not in a private root: it is moved into a quarantine before it is removed.
    let beside = TempOptions::new().in_directory(std::env::temp_dir());
    let beside = beside.create_dir().unwrap();
    std::fs::write(beside.path().join("part"), "rows").unwrap();
    role::say("open");
    role::wait_to_be_killed();
}

fn killed_owner(stage: &Stage, mark: &Mark) {
    let mut command = stage.actor("owner");
    let mut owner = Actor::start(mark.put_on(&mut command));
    assert_eq!(owner.next_line().as_deref(), Some("open"));
    owner.kill();
    assert!(!mark.bearers().is_empty());
}

/// What is in the temp directory, however deep, and in whatever quarantine.
fn parts_in(directory: PathBuf) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    let count = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => parts_in(entry.path()),
        false => usize::from(entry.file_name() == "part"),
    };
    entries.map(count).sum()
}

#[test]
fn a_sweep_keeps_what_it_could_not_settle_and_the_next_settles_it() {
    if role::assigned().is_some() {
        own_one_of_each();
    }
    if !can_fail() {
        return;
    }
    // Each with how many of the two files it leaves where they were.
    for (call, parts) in [
        (DiskCall::Rename, 1),
        (DiskCall::Remove, 2),
        (DiskCall::List, 2),
    ] {
        let (stage, mark) = (Stage::new(), Mark::new());
        killed_owner(&stage, &mark);
        let swept = failing(&stage, &[call], &["sweep", "--why"]);
        let about = format!("{call:?}: {swept:?}");
        // A ledger directory that cannot be listed is reported, and is not a finding: nothing is known
        // about what it holds, as with an unreadable ledger.
        let is_found = call != DiskCall::List;
        assert_eq!(swept.code, Some(i32::from(is_found)), "{about}");
        assert!(
            swept.stderr.contains(EIO) || swept.stdout.contains(EIO),
            "{about}"
        );
        assert!(!swept.stderr.contains("panicked"), "{about}");
        assert_eq!(parts_in(stage.path("tmp")), parts, "{about}");
        let ledgers = names_in(&stage.path("ledgers"));
        assert!(
            ledgers.iter().any(|name| name.ends_with(".ledger")),
            "forgotten: {about}"
        );
        assert_the_next_sweep_is_clean(&stage, &about);
        assert_eq!(mark.bearers(), [], "{about}");
    }
}

fn sweep_as_actor() -> String {
    let ledgers = PathBuf::from(std::env::var_os("BACKSTOP_DIR").unwrap());
    let reclaimers = Reclaimers::local();
    let sweep = Sweep::new(&reclaimers)
        .directories(vec![ledgers])
        .deadline(std::time::Duration::from_millis(100));
    format!("{:?}", sweep.run()).replace('\n', " ")
}

#[test]
fn a_sweep_to_which_nothing_is_shown_says_so_and_forgets_nothing() {
    match role::assigned().as_deref() {
        Some("sweeper") => {
            // Before it has ever looked, a call that fails is taken for one that the kernel does not have.
            backstop_os::directory::Directory::open(&std::env::temp_dir())
                .and_then(|directory| directory.stat())
                .unwrap();
            fail_from_now_on(&[DiskCall::Look, DiskCall::LookByOlderCalls]).unwrap();
            return role::say(&sweep_as_actor());
        }
        Some(_) => own_one_of_each(),
        None => {}
    }
    if !can_fail() {
        return;
    }
    let (stage, mark) = (Stage::new(), Mark::new());
    killed_owner(&stage, &mark);
    let said = said_by(stage.actor("sweeper"));
    assert!(said.contains(EIO), "{said}");
    assert_eq!(parts_in(stage.path("tmp")), 2, "{said}");
    assert_the_next_sweep_is_clean(&stage, &said);
    assert_eq!(mark.bearers(), [], "{said}");
}

#[test]
fn a_removal_that_a_disk_broke_off_is_not_forgotten_by_a_sweep_without_handles() {
    match role::assigned().as_deref() {
        Some("sweeper") => return role::say(&sweep_as_actor()),
        Some(_) => own_one_of_each(),
        None => {}
    }
    if !can_fail() {
        return;
    }
    let (stage, mark) = (Stage::new(), Mark::new());
    killed_owner(&stage, &mark);
    // What stood in a directory of others is in a quarantine now.
    let swept = failing(&stage, &[DiskCall::Remove], &["sweep", "--why"]);
    assert_eq!(parts_in(stage.path("tmp")), 2, "{swept:?}");
    for handles in 3..28 {
        let limit = format!("ulimit -n {handles}; exec \"$@\"");
        let command = within(&["sh", "-c", &limit, "sh"], &stage.actor("sweeper"));
        let about = format!("{handles} handles: {}", said_by(command));
        let ledgers = names_in(&stage.path("ledgers"));
        let is_known = ledgers.iter().any(|name| name.ends_with(".ledger"));
        let parts = parts_in(stage.path("tmp"));
        assert!(is_known || parts == 0, "forgotten: {about}");
    }
    assert_the_next_sweep_is_clean(&stage, "at last");
    assert_eq!(mark.bearers(), []);
}
