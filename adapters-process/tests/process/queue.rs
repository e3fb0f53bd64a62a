//! Queues: bounded, stopped between two items, nothing lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use backstop_core::release::Outcome;
use backstop_process::{PushError, WorkerQueue};

use crate::scene::{LONG, backstop, eventually};

#[test]
fn what_was_not_handled_comes_back() {
    let backstop = backstop();
    let (go, gate) = crossbeam_channel::unbounded::<()>();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handled = Arc::clone(&seen);
    let queue = WorkerQueue::start(&backstop, "numbers", 3, move |number: u32| {
        let _ = gate.recv();
        handled.lock().unwrap().push(number);
    })
    .unwrap();
    queue.push(0, LONG).unwrap();
    eventually(|| (queue.statistics().waiting == 0).then_some(()));
    for number in 1..=3 {
        queue.try_push(number).unwrap();
    }
    assert_eq!(queue.try_push(4), Err(PushError::Full(4)));
    assert_eq!(
        queue.push(4, Duration::from_millis(1)),
        Err(PushError::Full(4))
    );
    let stopping = std::thread::spawn(move || queue.stop());
    // It waits for the item in hand, and for none after that.
    go.send(()).unwrap();
    drop(go);
    let stopped = stopping.join().unwrap();
    assert_eq!(stopped.release.outcome, Outcome::Released);
    let mut all = seen.lock().unwrap().clone();
    let handled = all.len();
    all.extend(&stopped.left);
    assert_eq!(
        all,
        [0, 1, 2, 3],
        "{handled} handled, {:?} left",
        stopped.left
    );
}

#[test]
fn finishing_handles_all_and_a_panic_costs_one() {
    let backstop = backstop();
    let queue = WorkerQueue::start(&backstop, "odd", 100, |number: u32| {
        assert!(number != 7, "on purpose");
    })
    .unwrap();
    for number in 0..50 {
        queue.push(number, LONG).unwrap();
    }
    eventually(|| {
        let statistics = queue.statistics();
        (statistics.handled == 49 && statistics.panics == 1).then_some(())
    });
    queue.push(50, LONG).unwrap();
    let stopped = queue.finish(LONG);
    assert!(stopped.left.is_empty() && stopped.release.outcome == Outcome::Released);
}
