//! Work in a process that can be killed.

use std::process::Command;
use std::time::Duration;

use backstop_core::error::ErrorKind;
use backstop_core::release::Outcome;
use backstop_os::pinned::PinnedProcess;
use backstop_process::{ProcessWorker, RestartLimit};

use crate::scene::{LONG, backstop, impatient};

const ANSWERS: &str = r#"
import json, os, subprocess, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    number = asked["request"]
    if number == 0: os._exit(3)
    if number == 1: subprocess.Popen(["sleep", "1081"], start_new_session=True); time.sleep(1081)
    if number == 2: print("debugging", flush=True); continue
    reply = {"id": asked["id"]}
    if number == 4: reply["error"] = "no fours"
    else: reply["answer"] = number * number
    print(json.dumps(reply), flush=True)
"#;

fn python(restarts: u32) -> ProcessWorker {
    ProcessWorker::of_command("square", || {
        let mut command = Command::new("python3");
        command.args(["-c", ANSWERS]);
        command
    })
    .restarts(RestartLimit::new(restarts, LONG * 100))
    .policy(impatient())
    .on(&backstop())
}

#[test]
fn requests_are_answered_by_one_process() {
    let worker = python(0);
    for number in 3..20 {
        let answer = worker.request::<i64, i64>(&number, LONG);
        match number {
            4 => {
                let error = answer.unwrap_err();
                assert!(error.to_string().contains("no fours") && !error.can_retry());
            }
            _ => assert_eq!(answer.unwrap(), number * number),
        }
    }
    assert_eq!(worker.starts(), 1);
    assert_eq!(worker.stop().unwrap().outcome, Outcome::Released);
}

#[test]
fn a_request_that_hangs_is_killed_with_all_that_it_started() {
    let worker = python(5);
    assert_eq!(worker.request::<i64, i64>(&3, LONG).unwrap(), 9);
    let hung = PinnedProcess::pin(worker.pid().unwrap().try_into().unwrap()).unwrap();
    let error = worker
        .request::<i64, i64>(&1, Duration::from_millis(500))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(error.to_string().contains("release released"), "{error}");
    assert!(hung.has_exited() && worker.pid().is_none());
    assert_eq!(worker.request::<i64, i64>(&5, LONG).unwrap(), 25);
    assert_eq!(worker.starts(), 2);
}

#[test]
fn what_is_no_answer_and_a_crash_are_errors_and_restarts_are_limited() {
    let worker = python(2);
    let error = worker.request::<i64, i64>(&2, LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("debugging"), "{error}");
    let error = worker.request::<i64, i64>(&0, LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    let error = worker.request::<i64, String>(&3, LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "another form: {error}");
    let error = worker.request::<i64, i64>(&3, LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert_eq!(worker.starts(), 3);
}
