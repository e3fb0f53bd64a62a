//! `backstop watch`: any running program, and what of it grows.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

mod stage;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use backstop_os::pinned::PinnedProcess;
use backstop_os::process_table;
use backstop_os::signal::Signal;
use serde_json::Value;
use stage::{Stage, until};

/// A program in another language, ended when the test does.
struct Program(Child);

impl Program {
    fn python(script: &str) -> Self {
        let script = format!("print('ready', flush=True)\n{script}");
        let mut command = Command::new("python3");
        command.args(["-c", &script]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = Self(command.spawn().unwrap());
        // A sample of a process that is still executing its program shows no memory.
        let mut ready = String::new();
        let output = program.0.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        program
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    /// Has it take its next step: a line each.
    fn step(&mut self) {
        let input = self.0.stdin.as_mut().unwrap();
        input.write_all(b"\n").unwrap();
    }

    /// Has it end.
    fn end(&mut self) {
        drop(self.0.stdin.take());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ten megabytes and ten open files at each step.
const LEAK: &str = "
import sys
held, files = [], []
for line in sys.stdin:
    held.append(bytearray(b'x' * 10_000_000))
    files += [open('/dev/null') for _ in range(10)]
";

/// The same, given back at each step.
const LEVEL: &str = "
import sys
for line in sys.stdin:
    held = bytearray(b'x' * 10_000_000)
    files = [open('/dev/null') for _ in range(10)]
    del held, files
";

/// Watches a program that takes a step after each sample, and ends after so many of them: how fast the
/// machine is changes neither. Gives all lines and the exit code.
fn stepped(
    stage: &Stage,
    program: &mut Program,
    arguments: &[&str],
    samples: usize,
) -> (Vec<Value>, Option<i32>) {
    let pid = program.pid();
    let mut command = stage.backstop(&["watch", &pid, "--json"]);
    command.args(arguments).stderr(Stdio::null());
    let mut watch = command.spawn().unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(watch.stdout.take().unwrap()).lines() {
        lines.push(serde_json::from_str(&line.unwrap()).unwrap());
        match lines.len() {
            count if count < samples => program.step(),
            count if count == samples => program.end(),
            _ => {}
        }
    }
    (lines, watch.wait().unwrap().code())
}

fn lines(stage: &Stage, arguments: &[&str]) -> (Vec<Value>, Option<i32>) {
    let finished = stage.run(arguments);
    let lines = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (lines, finished.code)
}

fn found(lines: &[Value]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for change in line["changes"].as_array().into_iter().flatten() {
            if change["change"] == "opened" {
                let kind = change["finding"]["kind"].as_str().unwrap();
                found.push((index, kind.to_owned()));
            }
        }
    }
    found
}

#[test]
fn a_clear_growth_is_named_within_ten_seconds() {
    let stage = Stage::new();
    let mut program = Program::python(LEAK);
    let (lines, code) = stepped(&stage, &mut program, &["--interval", "500ms"], 30);
    let found = found(&lines);
    for kind in ["growing.memory", "growing.handles"] {
        let at = found.iter().find(|(_, known)| known == kind);
        // By samples, so that a slow machine does not fail it: twenty are ten seconds.
        assert!(
            at.is_some_and(|(index, _)| *index <= 20),
            "{kind}: {found:?}"
        );
    }
    assert_eq!(code, Some(1));
    let first = &lines[0];
    assert_eq!(first["schema"], "backstop.watch/1");
    assert!(
        first["process"]["resident"].as_u64().unwrap() > 0,
        "{first}"
    );
    assert!(
        first["system"]["memory_total"].as_u64().unwrap() > 0,
        "{first}"
    );
    assert_eq!(lines.last().unwrap()["ended"], "the program has exited");
}

#[test]
fn what_gives_back_is_not_found() {
    let stage = Stage::new();
    let mut program = Program::python(LEVEL);
    let (lines, code) = stepped(&stage, &mut program, &["--interval", "250ms"], 40);
    assert_eq!(found(&lines), []);
    // All of them, and the one that says why it ended.
    assert!(lines.len() > 40, "{}", lines.len());
    assert_eq!(code, Some(0));
}

#[test]
fn it_ends_when_the_program_does() {
    let stage = Stage::new();
    let mut program = Program::python("import sys; sys.stdin.read()");
    let (lines, code) = stepped(&stage, &mut program, &["--interval", "200ms"], 3);
    assert_eq!(lines.last().unwrap()["ended"], "the program has exited");
    assert_eq!(code, Some(0));
}

#[test]
fn what_was_watched_can_be_reported() {
    let stage = Stage::new();
    let program = Program::python(LEVEL);
    let history = stage.path("work/history");
    let history = history.to_str().unwrap();
    let watch = [
        "watch",
        &program.pid(),
        "--interval",
        "100ms",
        "--for",
        "2s",
        "--json",
        "--history",
        history,
    ];
    let (lines, code) = lines(&stage, &watch);
    assert_eq!(code, Some(0));
    assert_eq!(lines.last().unwrap()["ended"], "the duration has elapsed");
    // However many there were in that time, the history has each, and the report all of them.
    let samples = lines.len() as u64 - 1;
    assert!(samples > 0);
    let report = stage.run(&["report", "--history", history, "--since", "1h", "--json"]);
    let json: Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(json["samples"]["count"], samples, "{json}");
    let listed = stage.run(&["history", "--history", history, "--json"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
}

#[test]
fn a_tree_is_added_up() {
    let stage = Stage::new();
    let script = "
import subprocess
children = [subprocess.Popen(['sleep', '60']) for _ in range(3)]
try:
    children[0].wait()
finally:
    [child.kill() for child in children]
";
    let program = Program::python(script);
    let own = program.0.id().cast_signed();
    until("its children are there", || {
        process_table::children(own)
            .is_ok_and(|all| all.len() == 3)
            .then_some(())
    });
    let watch = [
        "watch",
        &program.pid(),
        "--tree",
        "--interval",
        "200ms",
        "--for",
        "1s",
        "--json",
    ];
    let (lines, _) = lines(&stage, &watch);
    let last = &lines[lines.len() - 2]["process"];
    assert_eq!(last["processes"], 4, "{last}");
    // Python is killed when the test ends, and cannot end its own then.
    let children = process_table::children(program.0.id().cast_signed());
    for child in children.unwrap() {
        let child = PinnedProcess::pin(child).unwrap();
        let _ = child.signal(Signal::KILL);
    }
}

#[test]
fn wrong_targets_and_flags_are_answered() {
    let stage = Stage::new();
    // Under a name that no other program has.
    let namesake = stage.path("work/namesake");
    std::os::unix::fs::symlink("/bin/sleep", &namesake).unwrap();
    let start = || Program(Command::new(&namesake).arg("60").spawn().unwrap());
    let [one, two] = [start(), start()];
    for (arguments, said) in [
        (&["watch"][..], "PID|NAME"),
        (
            &["watch", "no-such-program-here"],
            "no program named `no-such-program-here`",
        ),
        (&["watch", "0"], "invalid PID `0`"),
        (&["watch", "2147483647"], "process 2147483647"),
        (&["watch", "namesake"], "use one PID of"),
        (&["watch", &one.pid(), "--interval", "1ms"], "at least 10ms"),
        (&["watch", &one.pid(), "--interval=-1s"], "500ms"),
        (
            &["watch", &one.pid(), "--window", "0s"],
            "monitor.window: `0s` must be greater than zero",
        ),
        (&["watch", &one.pid(), "--growth", "5 parsecs"], "64MB"),
        (&["watch", "--cgroup", "/no/such/group"], "/no/such/group"),
        (&["watch", &two.pid(), "--cgroup", "/x"], "--cgroup"),
    ] {
        let finished = stage.run(arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert!(
            finished.stderr.contains(said),
            "{arguments:?}: {finished:?}"
        );
        assert_eq!(finished.stdout, "");
    }
}
