//! Policies against a plain reference: what is judged, and what is released by it at a time.
#![cfg(test)]

use std::collections::BTreeSet;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::policy::{Backoff, CleanupPolicy, Facts, Reason, Verdict};
use backstop_core::release::{Cause, Clock, Tracked, Tracking};
use backstop_core::resource::{Blocking, Deadline, Kind, ResourceId, Rung};
use backstop_testkit::scripted::{Script, Scripted};
use proptest::prelude::*;

/// A kind's limits.
#[derive(Debug, Clone, Copy)]
struct Limits {
    lifetime: Option<Duration>,
    idle: Option<Duration>,
}

impl Limits {
    fn policy(self) -> CleanupPolicy {
        let mut policy = CleanupPolicy::default();
        if let Some(limit) = self.lifetime {
            policy = policy.with_lifetime_limit(limit);
        }
        if let Some(limit) = self.idle {
            policy = policy.with_idle_limit(limit);
        }
        policy
    }

    /// The rules in words: past its lifetime first, then untouched for too long, and only beyond.
    fn judge(self, age: Duration, idle: Duration) -> Option<Reason> {
        let over = |limit: Option<Duration>, span| limit.filter(|limit| span > *limit);
        over(self.lifetime, age)
            .map(|limit| Reason::OverLifetime { limit })
            .or_else(|| over(self.idle, idle).map(|limit| Reason::Idle { limit }))
    }
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        8 => (0..5_000_u64).prop_map(Duration::from_nanos),
        1 => Just(Duration::ZERO),
        1 => Just(Duration::MAX),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    (prop::option::of(span()), prop::option::of(span()))
        .prop_map(|(lifetime, idle)| Limits { lifetime, idle })
}

#[derive(Debug, Clone)]
enum Act {
    Open,
    Touch(usize),
    Close(usize),
    SetLimits(Limits),
    Advance(Duration),
    Enforce,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Open),
        3 => any::<usize>().prop_map(Act::Touch),
        1 => any::<usize>().prop_map(Act::Close),
        1 => limits().prop_map(Act::SetLimits),
        4 => (0..3_000_u64).prop_map(|span| Act::Advance(Duration::from_nanos(span))),
        3 => Just(Act::Enforce),
    ]
}

/// One that is open, and when it was opened and touched.
struct Open {
    guard: Tracked<Scripted>,
    opened: u64,
    touched: u64,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_verdict_is_what_the_rules_say(limits in limits(), age in span(), idle in span()) {
        let verdict = limits.policy().judge(&Facts { age, idle });
        let expected = limits.judge(age, idle).map_or(Verdict::Keep, Verdict::Release);
        prop_assert_eq!(verdict, expected);
        prop_assert_eq!(limits.policy().has_limits(), limits.lifetime.is_some() || limits.idle.is_some());
    }

    #[test]
    fn facts_never_lie_in_the_future(now: u64, opened: u64, touched: u64) {
        let facts = Facts::at(now, opened, touched);
        prop_assert_eq!(facts.age.as_nanos(), u128::from(now.saturating_sub(opened)));
        prop_assert_eq!(facts.idle.as_nanos(), u128::from(now.saturating_sub(touched)));
    }

    #[test]
    fn waits_grow_and_stay_within_the_longest(first in span(), longest in span(), failures: u32) {
        let backoff = Backoff::new(first, longest);
        let wait = backoff.after(failures);
        prop_assert!(wait <= longest && wait <= backoff.after(failures.saturating_add(1)));
        prop_assert!(wait >= first.min(longest));
    }

    #[test]
    fn enforcing_releases_exactly_what_is_due(acts in prop::collection::vec(act(), 1..60)) {
        let (clock, hand) = Clock::manual();
        let backstop = Backstop::builder().tracking(Tracking::Anonymous).clock(clock).start();
        let mut limits = Limits { lifetime: None, idle: None };
        let mut now = 1;
        let mut open: Vec<Open> = Vec::new();
        for act in acts {
            match act {
                Act::Open => {
                    let script = Script::default().blocking(Blocking::Never);
                    let (scripted, _remote) = Scripted::following("one", script);
                    open.push(Open { guard: backstop.track(scripted), opened: now, touched: now });
                }
                Act::Touch(which) => if let Some(which) = which.checked_rem(open.len()) {
                    open[which].guard.touch();
                    open[which].touched = now;
                }
                Act::Close(which) => if let Some(which) = which.checked_rem(open.len()) {
                    drop(open.swap_remove(which));
                }
                Act::SetLimits(new) => {
                    limits = new;
                    backstop.set_policy(Scripted::KIND, limits.policy());
                }
                Act::Advance(span) => {
                    hand.advance(span);
                    now += span.as_nanos() as u64;
                }
                Act::Enforce => {
                    let since = |then: u64| Duration::from_nanos(now - then);
                    let is_due = |one: &Open| limits.judge(since(one.opened), since(one.touched));
                    let due: Vec<(ResourceId, Reason)> = open
                        .iter()
                        .filter_map(|one| Some((one.guard.id()?, is_due(one)?)))
                        .collect();
                    let released = backstop.enforce();
                    prop_assert_eq!(released.len(), due.len());
                    for release in released {
                        let (_, reason) = due.iter().find(|(id, _)| Some(*id) == release.id).unwrap();
                        prop_assert_eq!(release.cause, Cause::Policy(*reason));
                    }
                    let gone: BTreeSet<ResourceId> = due.into_iter().map(|(id, _)| id).collect();
                    open.retain(|one| !gone.contains(&one.guard.id().unwrap()));
                }
            }
            let live = backstop.statistics().kinds.get(Scripted::KIND.name()).map_or(0, |kind| kind.live);
            prop_assert_eq!(live as usize, open.len());
            prop_assert!(open.iter().all(|one| one.guard.get().is_ok()));
        }
    }
}

/// Durations without a practical end do not overflow where several are added up.
#[test]
fn unlimited_durations_are_accepted_by_every_wait() {
    let endless = Rung::ALL.into_iter().fold(
        CleanupPolicy::default()
            .with_verify_deadline(Duration::MAX)
            .with_drop_patience(Duration::MAX),
        |policy, rung| policy.with_deadline(rung, Duration::MAX),
    );
    let kind: Kind = Scripted::KIND;
    let backstop = Backstop::builder()
        .tracking(Tracking::Anonymous)
        .policy(kind, endless)
        .start();
    let (scripted, _remote) = Scripted::following("one", Script::default());
    let mut scope = backstop.scope("holding");
    drop(scope.hold(backstop.track(scripted)));
    let soon = Deadline::after(Duration::from_secs(60));
    assert!(backstop.release_all(soon).is_complete());
    // It waits for the release that was before it, by the sum of all spans.
    assert!(scope.finish().is_clean());
    let (scripted, _remote) = Scripted::following("two", Script::default());
    drop(backstop.track(scripted));
    assert!(backstop.is_empty());
}
