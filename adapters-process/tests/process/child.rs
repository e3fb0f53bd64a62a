//! One child: its status, its time, its signals.

use std::process::{Command, Stdio};
use std::time::Duration;

use backstop_core::error::ErrorKind;
use backstop_core::release::Outcome;
use backstop_core::resource::Rung;
use backstop_os::liveness::Delivery;
use backstop_os::signal::Signal;
use backstop_process::ChildProcess;

use crate::scene::{LONG, assert_gone, backstop, impatient, sh};

#[test]
fn a_status_is_waited_for_and_read_as_often_as_one_likes() {
    let backstop = backstop();
    let child = ChildProcess::builder(sh("read line; exit 4").into_piped())
        .spawn_on(&backstop)
        .unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    assert_eq!(child.wait_timeout(Duration::from_millis(1)).unwrap(), None);
    drop(child.take_stdin().unwrap());
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert_eq!(child.wait_timeout(LONG).unwrap().unwrap().code(), Some(4));
    assert_eq!(child.signal(Signal::TERM).unwrap(), Delivery::Sent);
    let release = child.release();
    assert_eq!(
        (release.outcome, release.rung),
        (Outcome::Released, Rung::Ask)
    );
}

#[test]
fn a_child_that_reads_its_input_to_the_end_needs_only_to_be_asked() {
    let backstop = backstop();
    let child = ChildProcess::builder(sh("trap '' TERM; cat; exit 0").into_piped())
        .spawn_on(&backstop)
        .unwrap();
    let release = child.release();
    assert_eq!(
        (release.outcome, release.rung),
        (Outcome::Released, Rung::Ask)
    );
}

#[test]
fn a_command_that_cannot_be_started_leaves_nothing() {
    let backstop = backstop();
    let error = ChildProcess::builder(Command::new("/nonexistent/program"))
        .spawn_on(&backstop)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().contains("/nonexistent/program"),
        "{error}"
    );
    assert!(backstop.is_empty());
    let open = backstop_core::ledger::Ledger::path(&backstop.ledger().unwrap()).is_some();
    assert!(!open, "an anonymous ledger has no file");
}

#[test]
fn a_child_that_runs_too_long_is_ended_and_its_guard_stays() {
    let backstop = backstop();
    let child = ChildProcess::builder(sh("trap '' TERM; sleep 1051 & wait; sleep 1052"))
        .policy(impatient())
        .max_run_time(Duration::from_millis(50))
        .spawn_on(&backstop)
        .unwrap();
    let status = child.wait().unwrap();
    assert!(child.timed_out() && !status.success(), "{status}");
    let cookie = child.cookie();
    assert!(child.release().outcome.is_released());
    assert_gone(&[], &cookie, "timed out");
}

#[test]
fn a_child_that_is_quick_enough_has_not_timed_out() {
    let backstop = backstop();
    let child = ChildProcess::builder(Command::new("true"))
        .max_run_time(LONG)
        .spawn_on(&backstop)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!child.timed_out());
    assert!(child.release().outcome.is_released());
}

trait IntoPiped {
    fn into_piped(self) -> Self;
}

impl IntoPiped for Command {
    fn into_piped(mut self) -> Self {
        self.stdin(Stdio::piped()).stdout(Stdio::null());
        self
    }
}
