//! The command as it is shipped: small, without kill points, with the features of one set only. Every
//! other test runs a build for tests. `cargo xtask dist --check` runs these over each set, and
//! `cargo xtask test --deny-skips` over the smallest.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod forged;
mod stage;

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use backstop_core::ledger::State;
use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;
use backstop_testkit::kill_points::KillPoints;
use backstop_testkit::{ForgedLedger, Suite, skip};
use forged::Thing;
use serde_json::Value;
use stage::{Finished, Stage, pids_in, supervisor_of, until};

/// Names the program; `cargo xtask` sets it.
const PROGRAM: &str = "BACKSTOP_SHIPPED";

/// Where a test for the kill points asks for the kill.
const KILL_AT: &str = "BACKSTOP_KILL_AT";

/// The shipped program on a stage of its own.
struct Shipped {
    stage: Stage,
    program: PathBuf,
}

impl Shipped {
    /// `None`, with a report of the skip, where none was built.
    fn new() -> Option<Self> {
        let Some(program) = std::env::var_os(PROGRAM) else {
            skip(
                Suite::Shipped,
                "it was not built: `cargo xtask dist --check` builds and tests it",
            );
            return None;
        };
        let program = PathBuf::from(program);
        assert!(program.is_file(), "{PROGRAM} is {}", program.display());
        let stage = Stage::new();
        Some(Self { stage, program })
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = self.stage.command(&self.program);
        command.args(arguments);
        command
    }

    fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        Finished::of(&self.command(arguments).output().unwrap())
    }

    /// The one JSON object that a command prints, and its exit code.
    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let finished = self.run(&[arguments, &["--json"]].concat());
        let value = serde_json::from_str(&finished.stdout);
        let value: Value = value.unwrap_or_else(|error| panic!("{error}: {finished:?}"));
        let schema = format!("backstop.{}/1", arguments[0]);
        assert_eq!(value["schema"], schema.as_str(), "{value}");
        (finished.code, value)
    }
}

#[test]
fn exit_codes_are_the_commands_own_or_as_shells_give_them() {
    let Some(shipped) = Shipped::new() else {
        return;
    };
    let cases: [(&[&str], i32); 6] = [
        (&["true"], 0),
        (&["sh", "-c", "exit 42"], 42),
        (&["sh", "-c", "exit 255"], 255),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["no-such-program-anywhere"], 127),
        (&["/etc/passwd"], 126),
    ];
    for (command, code) in cases {
        let finished = shipped.run(&[&["run", "--quiet", "--"], command].concat());
        assert_eq!(finished.code, Some(code), "{command:?}: {finished:?}");
    }
    let late = shipped.run(&["run", "--quiet", "--timeout", "100ms", "--", "sleep", "300"]);
    assert_eq!(late.code, Some(124), "{late:?}");
    let usage = shipped.run(&["run", "--no-such-flag"]);
    assert_eq!(usage.code, Some(2), "{usage:?}");
    assert_eq!(shipped.stage.left(), [] as [String; 0]);
}

#[test]
fn standard_input_and_both_outputs_are_the_commands() {
    let Some(shipped) = Shipped::new() else {
        return;
    };
    let mut child = shipped
        .command(&["run", "--quiet", "--", "sh", "-c", "cat; echo done >&2"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = "one\ntwo\n".repeat(100_000);
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn({
        let lines = lines.clone();
        move || input.write_all(lines.as_bytes()).unwrap()
    });
    let finished = Finished::of(&child.wait_with_output().unwrap());
    writer.join().unwrap();
    assert_eq!(finished.code, Some(0));
    assert!(finished.stdout == lines, "{} bytes", finished.stdout.len());
    assert_eq!(finished.stderr, "done\n");
}

#[test]
fn a_run_is_listed_and_leaves_nothing_when_its_guardian_is_killed() {
    let Some(shipped) = Shipped::new() else {
        return;
    };
    let pids = shipped.stage.path("work/pids");
    let script = "setsid sh -c 'echo $$ >>\"$0\"; exec sleep 300' \"$0\" & echo $$ >>\"$0\"; wait";
    let mut guardian = shipped
        .command(&["run", "--quiet", "--", "sh", "-c", script])
        .arg(&pids)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let tree = pids_in(&pids, 2);
    let (code, listing) = shipped.json(&["ps"]);
    assert_eq!(code, Some(0));
    let rows = listing["resources"].as_array().unwrap();
    assert!(
        rows.iter().any(|row| row["kind"] == "process.run"),
        "{listing}"
    );
    let supervisor = supervisor_of(&guardian);
    guardian.kill().unwrap();
    guardian.wait().unwrap();
    for process in tree.iter().chain([&supervisor]) {
        until("the tree of the killed guardian is gone", || {
            process.has_exited().then_some(())
        });
    }
    let _ = shipped.json(&["sweep"]);
    until("nothing is left", || {
        shipped.stage.left().is_empty().then_some(())
    });
}

#[test]
fn what_a_dead_program_left_is_rehearsed_and_swept() {
    let Some(shipped) = Shipped::new() else {
        return;
    };
    let thing = Thing::directory(&shipped.stage.path("tmp"));
    let ledger = ForgedLedger::new()
        .entry("tempfs.dir", "directory", State::Live, &thing.recipe())
        .write(&shipped.stage.path("ledgers"));
    let (code, rehearsed) = shipped.json(&["sweep", "--dry-run"]);
    assert_eq!((code, &rehearsed["dry_run"]), (Some(1), &Value::Bool(true)));
    assert!(thing.path.exists() && ledger.exists(), "{rehearsed}");
    let (code, swept) = shipped.json(&["sweep"]);
    assert_eq!(code, Some(0), "{swept}");
    assert!(!thing.path.exists() && !ledger.exists(), "{swept}");
    assert_eq!(shipped.stage.left(), [] as [String; 0]);
}

#[test]
fn who_names_the_process_that_holds_a_file() {
    let Some(shipped) = Shipped::new() else {
        return;
    };
    let path = shipped.stage.path("work/held");
    let held = std::fs::File::create(&path).unwrap();
    let (code, answer) = shipped.json(&["who", path.to_str().unwrap()]);
    assert_eq!(code, Some(0));
    assert_eq!(answer["holders"][0]["pid"], std::process::id());
    drop(held);
    let (code, answer) = shipped.json(&["who", path.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert_eq!(answer["holders"], Value::Array(Vec::new()));
}

/// The variable is for tests of the library: a program of a user's must not be killed by it.
#[test]
fn the_kill_points_of_tests_are_not_in_it() {
    let Some(shipped) = Shipped::new() else {
        return;
    };
    let run = ["run", "--quiet", "--", "sh", "-c", "exit 7"];
    let places = || KillPoints::OWNER.iter().chain(&KillPoints::SWEEPER);
    for place in places() {
        let mut command = shipped.command(&run);
        let finished = Finished::of(&command.env(KILL_AT, place).output().unwrap());
        assert_eq!(finished.code, Some(7), "{place}: {finished:?}");
    }
    // The build for tests is killed by the same: the places are passed, and the variable is spelt right.
    for place in KillPoints::OWNER {
        let mut command = shipped.stage.backstop(&run);
        let finished = Finished::of(&command.env(KILL_AT, place).output().unwrap());
        assert_ne!(finished.code, Some(7), "{place}: {finished:?}");
    }
}

#[test]
fn a_signal_to_the_run_ends_it_as_it_would_end_the_command() {
    let Some(shipped) = Shipped::new() else {
        return;
    };
    let ready = shipped.stage.path("work/ready");
    let child = shipped
        .command(&[
            "run",
            "--quiet",
            "--",
            "sh",
            "-c",
            "echo >\"$0\"; sleep 300",
        ])
        .arg(&ready)
        .spawn()
        .unwrap();
    until("the command is ready", || ready.exists().then_some(()));
    let guardian = PinnedProcess::pin(child.id() as i32).unwrap();
    let _ = guardian.signal(Signal::TERM).unwrap();
    let finished = Finished::of(&child.wait_with_output().unwrap());
    assert_eq!(finished.code, Some(143), "{finished:?}");
}
