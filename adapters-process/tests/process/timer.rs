//! Timers: none fires after its release.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use backstop_core::release::Outcome;
use backstop_process::{Timer, timers};

use crate::scene::{LONG, backstop, eventually};

#[test]
fn none_fires_after_its_release() {
    let backstop = backstop();
    for _ in 0..20 {
        let (is_released, late) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (released, counted) = (Arc::clone(&is_released), Arc::clone(&late));
        let timer = Timer::every_on(&backstop, "quick", Duration::from_millis(1), move || {
            counted.fetch_add(
                u64::from(released.load(Ordering::SeqCst)),
                Ordering::Relaxed,
            );
        })
        .unwrap();
        eventually(|| (timer.view().fired > 0).then_some(()));
        assert_eq!(timer.release().outcome, Outcome::Released);
        is_released.store(true, Ordering::SeqCst);
        assert_eq!(late.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn one_that_is_released_early_never_fires() {
    let backstop = backstop();
    let fired = Arc::<AtomicBool>::default();
    let own = Arc::clone(&fired);
    let timer = Timer::once_on(&backstop, "later", LONG, move || {
        own.store(true, Ordering::SeqCst);
    })
    .unwrap();
    assert!(
        timers()
            .iter()
            .any(|view| view.name == "later" && view.interval.is_none())
    );
    assert_eq!(timer.release().outcome, Outcome::Released);
    assert!(!fired.load(Ordering::SeqCst));
    assert!(!timers().iter().any(|view| view.name == "later"));
}

#[test]
fn one_that_fires_once_fires_once() {
    let backstop = backstop();
    let (tell, told) = crossbeam_channel::unbounded();
    let timer = Timer::once_on(&backstop, "once", Duration::from_millis(1), move || {
        tell.send(()).unwrap();
    })
    .unwrap();
    told.recv_timeout(LONG).unwrap();
    assert!(
        told.recv_timeout(LONG).is_err(),
        "the callback is gone, and with it the sender"
    );
    assert_eq!(timer.view().fired, 1);
    assert_eq!(timer.release().outcome, Outcome::Released);
}

#[test]
fn a_panic_is_counted_and_ends_nothing_and_a_slow_callback_misses_turns() {
    let backstop = backstop();
    let timer = Timer::every_on(&backstop, "clumsy", Duration::from_millis(1), || {
        std::thread::sleep(Duration::from_millis(5));
        panic!("on purpose");
    })
    .unwrap();
    let view = eventually(|| Some(timer.view()).filter(|view| view.panics >= 2));
    assert_eq!(view.last_panic.as_deref(), Some("on purpose"));
    assert!(view.missed >= 4, "{view:?}");
    assert!(timer.stop(LONG));
    let fired = timer.view().fired;
    assert_eq!(timer.release().outcome, Outcome::Released);
    assert!(fired >= 2);
}
