//! A guardian reclaims at once what its killed owner had open.
//!
//! Has a `main` of its own: a program is its own guardian, and libtest's would run the tests instead.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use backstop_core::Backstop;
use backstop_core::reclaim::{Receipts, Reclaimers, guardian};
use backstop_os::pinned::PinnedProcess;
use backstop_os::process_table;
use backstop_os::signal::Signal;
use backstop_testkit::role::{self, Actor};

use backstop_testkit::subjects::directory::{DirectoryReclaimer, TestDirectory};

const PLACE: &str = "TEST_PLACE";
/// Far beyond what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "a_guardian_ends_with_its_owner_and_reclaims_what_that_left";

fn main() {
    guardian::enter(|| Reclaimers::new().with(DirectoryReclaimer));
    let listed = std::env::args().any(|argument| argument == "--list");
    let ignored = std::env::args().any(|argument| argument == "--ignored");
    match role::assigned().as_deref() {
        Some(role) => play(role),
        // What nextest asks of every test binary.
        None if listed && !ignored => say(&format!("{NAME}: test")),
        None if listed || ignored => {}
        None => {
            an_owner_that_is_killed();
            an_owner_that_ends_in_order();
            say(&format!("test {NAME} ... ok"));
        }
    }
}

#[expect(clippy::print_stdout, reason = "what libtest prints")]
fn say(line: &str) {
    println!("{line}");
}

fn play(role: &str) {
    let place = PathBuf::from(std::env::var_os(PLACE).expect("an owner is told its place"));
    let guards = [(); 3].map(|()| TestDirectory::open(&Backstop::global(), &place));
    let guardian = guardian::start().expect("this program can be started again");
    role::say(&guardian.pid().to_string());
    if role == "killed" {
        role::wait_to_be_killed();
    }
    role::wait_for_cue();
    drop(guards);
}

fn owner(role: &str, place: &Path) -> (Actor, PinnedProcess) {
    let program = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(program);
    command
        .env("BACKSTOP_DIR", place.join("ledgers"))
        .env(PLACE, place);
    let mut owner = Actor::start(role::cast(&mut command, role));
    let guardian = owner.next_line().expect("the owner names its guardian");
    let guardian = guardian.parse().expect("a PID");
    let guardian = PinnedProcess::pin(guardian).expect("the guardian lives with its owner");
    (owner, guardian)
}

fn directories(place: &Path) -> usize {
    std::fs::read_dir(place)
        .expect("the place exists")
        .map_while(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("dir-"))
        .count()
}

fn ends(guardian: &PinnedProcess) {
    let ended = guardian.wait_exit(PATIENCE);
    assert!(
        ended.expect("a pinned process can be waited for"),
        "the guardian does not end"
    );
}

/// Whether a process ignores a signal, by the mask that the system shows.
fn ignores(pid: i32, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0) >> (signal.number() - 1) & 1 == 1
}

fn receipts(place: &Path) -> usize {
    let (receipts, unreadable) = Receipts::of(&place.join("ledgers"))
        .read()
        .expect("the receipts can be read");
    assert_eq!(unreadable, 0);
    receipts.len()
}

fn an_owner_that_is_killed() {
    let place = tempfile::tempdir().expect("the temp directory can be written");
    let (mut owner, guardian) = owner("killed", place.path());
    assert_eq!(directories(place.path()), 3);
    assert!(!guardian.has_exited());
    // What ends the owner and its group is not for the guardian, which has to outlive them.
    let stat = process_table::stat(guardian.pid()).expect("the guardian lives");
    let its_owner = i32::try_from(owner.pid()).expect("a PID fits into an i32");
    let of_owner = process_table::stat(its_owner).expect("the owner lives");
    assert_ne!(stat.group, of_owner.group, "it is in its owner's group");
    let end_signals = [Signal::HUP, Signal::INT, Signal::TERM];
    // It has to have come so far: what it ignores is not inherited.
    let late = Instant::now() + PATIENCE;
    while end_signals
        .iter()
        .any(|signal| !ignores(guardian.pid(), *signal))
    {
        assert!(Instant::now() < late, "it does not ignore what ends others");
        std::thread::sleep(Duration::from_millis(1));
    }
    for signal in end_signals {
        let _ = guardian
            .signal(signal)
            .expect("the guardian can be signalled");
    }
    assert!(!guardian.has_exited());
    owner.kill();
    ends(&guardian);
    assert_eq!(directories(place.path()), 0);
    assert_eq!(receipts(place.path()), 3);
}

fn an_owner_that_ends_in_order() {
    let place = tempfile::tempdir().expect("the temp directory can be written");
    let (mut owner, guardian) = owner("ends", place.path());
    owner.cue();
    assert!(owner.wait().success());
    ends(&guardian);
    assert_eq!(directories(place.path()), 0);
    assert_eq!(receipts(place.path()), 0);
}
