//! Threads stop when told, or are named.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use backstop_core::release::Outcome;
use backstop_core::resource::Rung;
use backstop_process::config::thread_policy;
use backstop_process::{ThreadEnd, Worker, orphaned, workers};

use crate::scene::{LONG, backstop, eventually};

#[test]
fn no_callback_runs_after_stop_returned() {
    let backstop = backstop();
    for _ in 0..100 {
        let (is_stopped, late) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let calls = Arc::<AtomicU64>::default();
        let (own_stopped, own_late, own_calls) = (
            Arc::clone(&is_stopped),
            Arc::clone(&late),
            Arc::clone(&calls),
        );
        let worker = Worker::start(&backstop, "racer", None, move |stop| {
            // Several threads of its own, all of which call back as fast as they can.
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        while stop
                            .callback(|| {
                                own_calls.fetch_add(1, Ordering::Relaxed);
                                if own_stopped.load(Ordering::SeqCst) {
                                    own_late.fetch_add(1, Ordering::Relaxed);
                                }
                            })
                            .is_some()
                        {}
                    });
                }
            });
        })
        .unwrap();
        eventually(|| (calls.load(Ordering::Relaxed) > 0).then_some(()));
        assert!(worker.stop(LONG));
        is_stopped.store(true, Ordering::SeqCst);
        assert_eq!(worker.release().outcome, Outcome::Released);
        assert_eq!(late.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_panic_of_the_body_is_kept() {
    let backstop = backstop();
    let worker = Worker::start(&backstop, "panics", None, |_| panic!("on purpose")).unwrap();
    let end = worker.wait(LONG);
    assert_eq!(end, Some(ThreadEnd::Panicked("on purpose".into())));
    assert_eq!(worker.release().outcome, Outcome::Released);
    let worker = Worker::start(&backstop, "returns", None, |_| {}).unwrap();
    assert_eq!(worker.wait(LONG), Some(ThreadEnd::Returned));
}

#[test]
fn a_thread_that_does_not_stop_is_named_until_it_ends() {
    let backstop = backstop();
    let (end, ends) = crossbeam_channel::bounded::<()>(0);
    let policy = thread_policy().with_deadline(Rung::Ask, Duration::from_millis(20));
    let worker = Worker::start(&backstop, "deaf", Some(policy), move |_| {
        let _ = ends.recv();
    })
    .unwrap();
    let site = worker.site().to_string();
    let mine = |view: &backstop_process::ThreadView| view.name == "deaf";
    assert!(workers().iter().any(mine) && !orphaned().iter().any(mine));
    let release = worker.release();
    let Outcome::Stuck { holder, .. } = &release.outcome else {
        panic!("{release}");
    };
    let holder = holder.as_deref().unwrap();
    assert!(
        holder.contains("deaf") && holder.contains(&site),
        "{holder}"
    );
    let leak = orphaned().into_iter().find(mine).unwrap();
    assert!(leak.is_stopping && leak.site == site && leak.number > 0);
    drop(end);
    eventually(|| (!orphaned().iter().any(mine)).then_some(()));
    eventually(|| (!workers().iter().any(mine)).then_some(()));
}

#[test]
fn a_worker_may_stop_itself_from_a_callback() {
    let backstop = backstop();
    let (give, given) =
        crossbeam_channel::bounded::<Arc<backstop_core::release::Tracked<Worker>>>(1);
    let (tell, told) = crossbeam_channel::bounded(1);
    let worker = Worker::start(&backstop, "itself", None, move |stop| {
        let own = given.recv().unwrap();
        let stopped = stop.callback(|| own.stop(LONG));
        drop(own);
        tell.send((stopped, stop.callback(|| ()))).unwrap();
    })
    .unwrap();
    give.send(Arc::new(worker)).unwrap();
    assert_eq!(told.recv().unwrap(), (Some(true), None));
}
