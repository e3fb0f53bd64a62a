//! Captured output is bounded, and a process that keeps a pipe open blocks no caller.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstop_core::release::Outcome;
use backstop_process::{CaptureLimits, ChildProcess, Stream};

use crate::scene::{LONG, backstop, impatient, sh};

#[test]
fn a_flood_is_kept_within_bounds_and_its_loss_disclosed() {
    let limits = CaptureLimits {
        head: 1000,
        tail: 500,
        line: 100,
    };
    let finished = ChildProcess::builder(sh(
        "printf begin; head -c 5000000 /dev/zero; printf end; echo oops >&2; exit 2",
    ))
    .capture(limits)
    .run_to_end_on(&backstop(), LONG)
    .unwrap();
    assert_eq!(finished.status.unwrap().code(), Some(2));
    assert!(!finished.timed_out && !finished.is_success());
    let out = &finished.stdout;
    assert!(out.head.starts_with(b"begin") && out.tail.ends_with(b"end"));
    assert_eq!((out.head.len(), out.tail.len()), (1000, 500));
    assert_eq!(out.total(), 5_000_008);
    assert_eq!(out.dropped, 5_000_008 - 1500);
    assert!(out.text().contains("bytes were not kept"));
    assert_eq!(finished.stderr.text(), "oops\n");
    assert!(finished.stderr.is_whole());
    assert_eq!(finished.release.outcome, Outcome::Released);
}

#[test]
fn a_grandchild_that_holds_the_pipe_blocks_no_caller() {
    let finished = ChildProcess::builder(sh("echo done; setsid sleep 1061 & exit 0"))
        .policy(impatient())
        .run_to_end_on(&backstop(), LONG)
        .unwrap();
    assert!(finished.is_success());
    assert_eq!(finished.stdout.text(), "done\n");
    assert!(finished.stdout.is_whole(), "{:?}", finished.stdout);
}

#[test]
fn a_stranger_that_holds_the_pipe_is_not_waited_for_and_named() {
    let place = tempfile::tempdir().unwrap();
    let go = place.path().join("go");
    let script = format!(
        "echo $$; while [ ! -e {} ]; do sleep 0.01; done; echo bye",
        go.display()
    );
    let (tell, told) = crossbeam_channel::bounded(1);
    let run = std::thread::spawn(move || {
        ChildProcess::builder(sh(&script))
            .on_line(move |_, line| {
                let _ = tell.try_send(String::from_utf8_lossy(line).into_owned());
            })
            .run_to_end_on(&backstop(), LONG)
            .unwrap()
    });
    // Out of the tree's reach, as by a descriptor that was passed on: this process opens the pipe.
    let path = format!("/proc/{}/fd/1", told.recv().unwrap());
    let held = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    std::fs::write(go, "").unwrap();
    let finished = run.join().unwrap();
    assert_eq!(finished.release.outcome, Outcome::Released);
    assert!(finished.stdout.text().ends_with("bye\n"));
    let abandoned = finished.stdout.abandoned.as_deref().unwrap();
    assert!(abandoned.contains("still holds"), "{abandoned}");
    assert!(!finished.stdout.is_whole() && finished.stderr.is_whole());
    drop(held);
}

#[test]
fn one_that_runs_out_of_time_gives_what_it_had_said() {
    let finished = ChildProcess::builder(sh("echo early; sleep 1063; echo late"))
        .policy(impatient())
        .run_to_end_on(&backstop(), Duration::from_millis(300))
        .unwrap();
    assert!(finished.timed_out && !finished.is_success());
    assert!(!finished.stdout.text().contains("late"));
    assert_eq!(finished.release.outcome, Outcome::Released);
    assert!(finished.status.is_some());
}

#[test]
fn lines_are_given_whole_cut_or_last_and_panics_counted() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    let finished = ChildProcess::builder(sh(
        "printf 'one\\n\\n'; printf 'abcdefgh\\n'; printf last; echo err >&2",
    ))
    .capture(CaptureLimits {
        line: 5,
        ..CaptureLimits::default()
    })
    .on_line(move |stream, line| {
        if stream == Stream::Stdout {
            seen.lock()
                .unwrap()
                .push(String::from_utf8_lossy(line).into_owned());
        }
        assert_ne!(line, b"one", "on purpose");
    })
    .run_to_end_on(&backstop(), LONG)
    .unwrap();
    assert_eq!(*lines.lock().unwrap(), ["one", "", "abcde", "fgh", "last"]);
    assert_eq!(
        (finished.stdout.cut_lines, finished.stdout.callback_panics),
        (1, 1)
    );
    assert_eq!(finished.stderr.callback_panics, 0);
}
