//! Releases that meet: what someone else began is waited for, what found no thread is tried again.
#![cfg(test)]

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::policy::{CleanupPolicy, Order};
use backstop_core::release::{CallError, Outcome, Tracking, within};
use backstop_core::resource::{Deadline, Kind, Rung};
use backstop_testkit::scripted::{Act, Remote, Script, Scripted};

const SOON: Duration = Duration::from_secs(60);

fn hangs_when_asked() -> Script {
    Script::default().on(Rung::Ask, [Act::Never])
}

fn wait_until_it_hangs(remote: &Remote) {
    while remote.hanging() == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_release_that_begins_during_another_of_all_is_waited_for() {
    let patient = CleanupPolicy::default().with_deadline(Rung::Ask, SOON);
    let backstop = Backstop::builder()
        .tracking(Tracking::Anonymous)
        .default_policy(patient.clone())
        .start();
    let first_kind = Kind::new("test.first");
    backstop.set_policy(first_kind, patient.clone().with_order(Order::First));
    // It holds up the rest while its turn lasts.
    let (hold, held) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let (opened, entered) = (Arc::clone(&hold), Arc::clone(&held));
    let _first = backstop.track_with(first_kind, "first", (), move |()| {
        entered.open();
        opened.wait();
        Ok::<(), std::io::Error>(())
    });
    let (scripted, remote) = Scripted::following("second", hangs_when_asked());
    let second = backstop.track(scripted);
    std::thread::scope(|threads| {
        let all = threads.spawn(|| backstop.release_all(Deadline::after(SOON)));
        held.wait();
        // It is still queued, and another thread begins its release.
        let other = threads.spawn(move || second.release());
        wait_until_it_hangs(&remote);
        hold.open();
        // Time for it to end too early, if it does: however short, what is right does not fail.
        std::thread::sleep(Duration::from_millis(50));
        let ended_early = all.is_finished();
        remote.unblock();
        let report = all.join().unwrap();
        assert!(!ended_early && report.is_complete(), "{report}");
        assert_eq!(other.join().unwrap().outcome, Outcome::Released);
    });
    assert_eq!(remote.releases(), 1);
    assert!(backstop.is_empty());
}

/// Closed until someone opens it.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    moved: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.moved.notify_all();
    }

    fn wait(&self) {
        let closed = self.is_open.lock().unwrap();
        drop(self.moved.wait_while(closed, |is_open| !*is_open).unwrap());
    }
}

/// In a process of its own by nextest; elsewhere it takes all threads from the test above, which then
/// waits for them.
#[test]
fn what_found_no_thread_is_stuck_and_can_be_tried_again() {
    let gate = Arc::new(Gate::default());
    let hang = || {
        let gate = Arc::clone(&gate);
        within(Deadline::passed(), move || gate.wait())
    };
    let refused = std::iter::repeat_with(hang)
        .take(1000)
        .find_map(|answer| match answer {
            Err(CallError::NoThread(why)) => Some(why),
            _ => None,
        });
    assert!(refused.is_some_and(|why| why.contains("hanging already")));

    let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
    let (scripted, remote) = Scripted::following("unlucky", Script::default());
    let guard = backstop.track(scripted);
    let report = backstop.release_all(Deadline::after(SOON));
    assert!(report.unfinished.is_empty(), "{:?}", report.unfinished);
    assert!(report.ended[0].outcome.is_stuck(), "{}", report.ended[0]);
    assert_eq!(remote.releases(), 0);

    gate.open();
    let end = Deadline::after(SOON);
    while !backstop.release_all(end).is_complete() {
        assert!(!end.has_passed(), "it cannot be released any more");
        std::thread::yield_now();
    }
    assert_eq!(remote.releases(), 1);
    assert!(backstop.is_empty());
    drop(guard);
    assert_eq!(remote.releases(), 1);
}
