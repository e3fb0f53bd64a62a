//! Async tasks are asked, aborted, and seen to have ended.
#![cfg(feature = "tokio")]

use std::time::Duration;

use backstop_core::release::Outcome;
use backstop_core::resource::Rung;
use backstop_process::config::task_policy;
use backstop_process::{Task, TaskEnd};
use tokio::runtime::Runtime;

use crate::scene::{LONG, backstop, eventually};

fn impatient() -> Option<backstop_core::policy::CleanupPolicy> {
    Some(
        task_policy()
            .with_deadline(Rung::Ask, Duration::from_millis(20))
            .with_deadline(Rung::Force, LONG),
    )
}

#[test]
fn one_that_listens_ends_by_itself() {
    let (backstop, runtime) = (backstop(), Runtime::new().unwrap());
    let task = Task::spawn(
        &backstop,
        runtime.handle(),
        "listens",
        None,
        |token| async move {
            token.cancelled().await;
        },
    );
    assert_eq!(task.end(), None);
    let release = task.release();
    assert_eq!(
        (release.outcome, release.rung),
        (Outcome::Released, Rung::Ask)
    );
}

#[test]
fn one_that_does_not_listen_is_aborted() {
    let (backstop, runtime) = (backstop(), Runtime::new().unwrap());
    let task = Task::spawn(
        &backstop,
        runtime.handle(),
        "deaf",
        impatient(),
        |_| async {
            std::future::pending::<()>().await;
        },
    );
    let release = task.release();
    assert_eq!(release.outcome, Outcome::Released);
    assert!(release.rung > Rung::Ask, "{release}");
}

#[test]
fn returns_and_panics_are_told_apart() {
    let (backstop, runtime) = (backstop(), Runtime::new().unwrap());
    let fine = Task::spawn(&backstop, runtime.handle(), "fine", None, |_| async {});
    let bad = Task::spawn(&backstop, runtime.handle(), "bad", None, |_| async {
        panic!("on purpose");
    });
    assert_eq!(eventually(|| fine.end()), TaskEnd::Returned);
    assert_eq!(eventually(|| bad.end()), TaskEnd::Panicked);
    assert_eq!(fine.release().outcome, Outcome::Released);
    assert_eq!(bad.release().outcome, Outcome::Released);
}

#[test]
fn the_tasks_of_a_runtime_that_was_shut_down_are_gone() {
    let (backstop, runtime) = (backstop(), Runtime::new().unwrap());
    let handle = runtime.handle().clone();
    let pending = Task::spawn(&backstop, &handle, "pending", None, |_| async {
        std::future::pending::<()>().await;
    });
    runtime.shutdown_timeout(LONG);
    let late = Task::spawn(&backstop, &handle, "late", None, |_| async {});
    assert_eq!(pending.end(), Some(TaskEnd::Aborted));
    assert_eq!(pending.release().outcome, Outcome::Released);
    assert_eq!(late.release().outcome, Outcome::Released);
}

#[test]
fn one_whose_runtime_is_not_driven_is_stuck_and_named() {
    let backstop = backstop();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let policy = task_policy()
        .with_deadline(Rung::Ask, Duration::from_millis(5))
        .with_deadline(Rung::Force, Duration::from_millis(50));
    let task = Task::spawn(
        &backstop,
        runtime.handle(),
        "undriven",
        Some(policy),
        |_| async {
            std::future::pending::<()>().await;
        },
    );
    let release = task.release();
    assert!(
        release.outcome.to_string().contains("undriven"),
        "{release}"
    );
    assert!(release.outcome.is_stuck());
}
