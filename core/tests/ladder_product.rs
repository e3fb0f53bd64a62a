//! Every act on every rung times every answer of the probe: one outcome each, the stuck ones named, no
//! other release delayed, and in the end as many released as were acquired.
#![cfg(test)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Outcome, Release, Tracking};
use backstop_core::resource::{Blocking, Deadline, Rung};
use backstop_testkit::scripted::{Act, Look, Script, Scripted};

/// What a step has that will not end well: short, because it is waited out.
const SHORT: Duration = Duration::from_millis(20);
/// What a step has that ends by itself: long, so that a loaded machine changes no outcome.
const LONG: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
struct Case {
    acts: [Act; 3],
    look: Look,
    blocking: Blocking,
    begun: Begun,
}

#[derive(Debug, Clone, Copy)]
enum Begun {
    Guard,
    All,
    Drop,
}

impl Case {
    fn script(&self) -> Script {
        let script = Script::default()
            .verify([self.look])
            .blocking(self.blocking);
        Rung::ALL.into_iter().fold(script, |script, rung| {
            script.on(rung, [self.acts[rung as usize]])
        })
    }

    fn policy(&self) -> CleanupPolicy {
        let looks_in_vain = matches!(self.look, Look::Present | Look::Never);
        let policy = CleanupPolicy::default()
            .with_drop_patience(LONG)
            .with_verify_deadline(if self.look == Look::Never {
                SHORT
            } else {
                LONG
            });
        Rung::ALL.into_iter().fold(policy, |policy, rung| {
            let hangs = self.acts[rung as usize] == Act::Never;
            policy.with_deadline(rung, if hangs || looks_in_vain { SHORT } else { LONG })
        })
    }

    fn expected(&self) -> &'static str {
        let lets_go = |act: &Act| matches!(act, Act::Done | Act::Slow(_));
        match self.look {
            // Whatever the acts said: a probe looked, and it is gone.
            Look::Gone => "released",
            Look::Unknown if self.acts.iter().any(lets_go) => "released-unverified",
            _ => "stuck",
        }
    }

    fn check(&self) {
        let (acquired, released) = self.play();
        assert_eq!(acquired, released, "{self:?}: acquired and released");
    }

    /// Releases a resource of this script next to a cooperative one, and returns both counts at the end.
    fn play(&self) -> (u64, u64) {
        let backstop = Backstop::builder()
            .tracking(Tracking::Anonymous)
            .default_policy(self.policy())
            .start();
        let (sibling, sibling_remote) = Scripted::following("sibling", Script::default());
        let (scripted, remote) = Scripted::following("scripted", self.script());
        // With deadlines of its own: on a busy machine it must not run into those that are to be met.
        let sibling = backstop
            .intend(Scripted::KIND, "sibling")
            .policy(CleanupPolicy::default())
            .declare()
            .fulfil(sibling);
        let guard = backstop.track(scripted);

        // A guard that outlives a stuck release would try again when dropped: kept to the end.
        let mut kept = None;
        let outcome = match self.begun {
            Begun::Guard => guard.release().outcome,
            Begun::All => {
                let report = backstop.release_all(Deadline::after(LONG));
                assert_eq!(report.unfinished, Vec::<String>::new(), "{self:?}");
                kept = Some(guard);
                outcome_of(&report.ended)
            }
            Begun::Drop => {
                drop(guard);
                outcome_of(&backstop.history())
            }
        };
        assert_eq!(name(&outcome), self.expected(), "{self:?}: {outcome}");
        let accounts = backstop
            .history()
            .iter()
            .filter(|release| release.label == "scripted")
            .count();
        let quietly = usize::from(self.blocking == Blocking::Never && accounts == 0);
        assert_eq!(accounts + quietly, 1, "{self:?}: one outcome");

        let stuck = match outcome {
            Outcome::Stuck { reason, holder } => {
                assert!(!reason.is_empty(), "{self:?}");
                if self.look == Look::Present {
                    assert_eq!(holder.as_deref(), Some("the script"), "{self:?}");
                }
                assert!(!backstop.is_empty(), "{self:?}: what is stuck is forgotten");
                1
            }
            _ => 0,
        };
        drop(sibling);
        assert_eq!(sibling_remote.releases(), 1, "{self:?}: its sibling");

        // What was stuck can be released later, and is accounted for.
        remote.unblock();
        remote.mend();
        backstop.set_policy(Scripted::KIND, CleanupPolicy::default());
        let report = backstop.release_all(Deadline::after(LONG));
        assert!(report.is_complete(), "{self:?}: {report:?}");
        let ended = report.ended.len() as u64 + report.quietly;
        assert_eq!(ended, stuck, "{self:?}: {report:?}");
        drop(kept);
        assert!(backstop.is_empty(), "{self:?}");
        let kind = backstop.statistics().kinds[Scripted::KIND.name()];
        assert_eq!((kind.live, kind.stuck), (0, stuck), "{self:?}");
        (2, kind.released + kind.unverified)
    }
}

fn outcome_of(releases: &[Release]) -> Outcome {
    let mut own = releases
        .iter()
        .filter(|release| release.label == "scripted");
    match (own.next(), own.next()) {
        (Some(release), None) => release.outcome.clone(),
        // The fast path keeps no account of what went well.
        (None, None) => Outcome::Released,
        more => panic!("more than one outcome: {more:?}"),
    }
}

fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Released => "released",
        Outcome::ReleasedUnverified { .. } => "released-unverified",
        Outcome::Stuck { .. } => "stuck",
        _ => "another",
    }
}

fn product(acts: &[Act], looks: &[Look], begun: &[Begun], blocking: Blocking) -> Vec<Case> {
    let mut cases = Vec::new();
    for &ask in acts {
        for &insist in acts {
            for &force in acts {
                for &look in looks {
                    for &begun in begun {
                        cases.push(Case {
                            acts: [ask, insist, force],
                            look,
                            blocking,
                            begun,
                        });
                    }
                }
            }
        }
    }
    cases
}

#[test]
fn every_ladder_ends_with_one_true_outcome() {
    let slow = Act::Slow(Duration::from_millis(2));
    let cases = product(
        &[Act::Done, Act::Fail, slow, Act::Never, Act::Panic],
        &[
            Look::Gone,
            Look::Present,
            Look::Unknown,
            Look::Never,
            Look::Panic,
        ],
        &[Begun::Guard, Begun::All],
        Blocking::Possible,
    );
    assert_eq!(cases.len(), 1250);
    // Most of the time is spent waiting for what hangs: side by side.
    let next = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    case.check();
                }
            });
        }
    });
}

#[test]
fn every_inline_ladder_ends_with_one_true_outcome() {
    let cases = product(
        &[Act::Done, Act::Fail, Act::Panic],
        &[Look::Gone, Look::Present, Look::Unknown, Look::Panic],
        &[Begun::Guard, Begun::All, Begun::Drop],
        Blocking::Never,
    );
    for case in cases {
        case.check();
    }
}

#[test]
fn a_dropped_guard_waits_for_its_patience_and_not_for_the_whole_ladder() {
    let policy = CleanupPolicy::default()
        .with_drop_patience(SHORT)
        .with_deadline(Rung::Ask, LONG * 60);
    let backstop = Backstop::builder()
        .tracking(Tracking::Anonymous)
        .default_policy(policy)
        .start();
    let script = Script::default().on(Rung::Ask, [Act::Never]);
    let (scripted, remote) = Scripted::following("scripted", script);
    drop(backstop.track(scripted));
    // It came back while the release still hangs, on its first rung.
    assert!(!backstop.is_empty());
    assert_eq!(remote.releases(), 0);
    remote.unblock();
    remote.mend();
    let report = backstop.release_all(Deadline::after(LONG));
    assert!(report.is_complete(), "{report:?}");
}
