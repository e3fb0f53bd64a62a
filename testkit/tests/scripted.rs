//! Scripted resources follow their script.
#![cfg(test)]

use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::policy::{Backoff, CleanupPolicy};
use backstop_core::release::{Outcome, Tracking};
use backstop_core::resource::Rung;
use backstop_testkit::scripted::{Act, Called, Look, Script, Scripted};

fn backstop() -> Backstop {
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
    let policy = CleanupPolicy::default()
        .with_retries(2)
        .with_backoff(backoff);
    Backstop::builder()
        .tracking(Tracking::Anonymous)
        .default_policy(policy)
        .start()
}

#[test]
fn what_fails_for_now_is_tried_again_on_the_same_rung() {
    let script = Script::default().on(Rung::Ask, [Act::FailForNow, Act::FailForNow, Act::Done]);
    let (scripted, remote) = Scripted::following("retried", script);
    let release = backstop().track(scripted).release();
    assert_eq!(
        (release.outcome, release.rung),
        (Outcome::Released, Rung::Ask)
    );
    assert_eq!(release.attempts, 3);
    let ask = Called::Release(Rung::Ask);
    assert_eq!(remote.calls(), [ask, ask, ask, Called::Verify]);
}

#[test]
fn what_is_pending_is_looked_for_until_it_is_gone() {
    let script = Script::default().on(Rung::Ask, [Act::Pending { looks: 3 }]);
    let (scripted, remote) = Scripted::following("pending", script);
    let release = backstop().track(scripted).release();
    assert_eq!((release.outcome, release.attempts), (Outcome::Released, 1));
    let looks = remote
        .calls()
        .into_iter()
        .filter(|called| *called == Called::Verify);
    assert_eq!(looks.count(), 4);
}

#[test]
fn a_lie_is_found_out_and_the_next_rung_is_tried() {
    let script = Script::default().on(Rung::Ask, [Act::Lie]);
    let (scripted, remote) = Scripted::following("liar", script);
    let backstop = backstop();
    let short = CleanupPolicy::default().with_deadline(Rung::Ask, Duration::from_millis(10));
    backstop.set_policy(Scripted::KIND, short);
    let release = backstop.track(scripted).release();
    assert_eq!(
        (release.outcome, release.rung),
        (Outcome::Released, Rung::Insist)
    );
    assert_eq!(remote.releases(), 1);
}

#[test]
fn what_hangs_is_released_with_its_remote() {
    let script = Script::default()
        .on(Rung::Ask, [Act::Never])
        .verify([Look::Present]);
    let (scripted, remote) = Scripted::following("hanging", script);
    let backstop = backstop();
    let mut policy = CleanupPolicy::default().with_verify_deadline(Duration::from_millis(10));
    for rung in Rung::ALL {
        policy = policy.with_deadline(rung, Duration::from_millis(10));
    }
    backstop.set_policy(Scripted::KIND, policy);
    let release = backstop.track(scripted).release();
    assert!(release.outcome.is_stuck(), "{release}");
    assert_eq!(remote.hanging(), 1);
    remote.unblock();
    while remote.hanging() > 0 {
        std::thread::yield_now();
    }
}
