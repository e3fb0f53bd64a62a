//! What others do to it: someone took it away, was given it, or holds it.

use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Outcome, Tracking};
use backstop_core::resource::{Rung, TrackedResource};

use super::behaviour::{Behaviour, Ran};
use super::stage::{Stage, soon};
use super::subject::Subject;

pub(super) fn behaviours<S: Subject>() -> Vec<Behaviour<S>> {
    vec![
        Behaviour::new("releasing what is gone already is fine", already_gone),
        Behaviour::new("dismiss keeps it and forgets it", dismissed),
        Behaviour::new("what is held is stuck, named, and holds up no other", held),
    ]
}

fn already_gone<S: Subject>(stage: &Stage<'_, S>) -> Ran {
    let backstop = stage.backstop();
    let (guard, trace) = stage.open(&backstop);
    if !stage.subject.destroy(&trace) {
        return Ran::NotApplicable("the subject cannot be destroyed from outside".into());
    }
    stage.assert_goes(&trace);
    let release = guard.release();
    stage.assert_true(&release, &trace);
    assert!(release.errors.is_empty(), "{release}");
    stage.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn dismissed<S: Subject>(stage: &Stage<'_, S>) -> Ran {
    let backstop = stage.backstop();
    let (guard, trace) = stage.open(&backstop);
    assert!(guard.dismiss(), "its release had not begun");
    assert!(backstop.is_empty(), "it is still accounted for");
    let report = backstop.release_all(soon());
    assert!(report.ended.is_empty() && report.quietly == 0, "{report:?}");
    if stage.is_present(&trace) {
        assert!(
            stage.subject.destroy(&trace) || !stage.subject.has_recipe(),
            "clean up by hand: {trace}"
        );
        Ran::Held
    } else {
        Ran::NotApplicable("it ends with its value, guard or not".into())
    }
}

fn held<S: Subject>(stage: &Stage<'_, S>) -> Ran {
    let mut policy = CleanupPolicy::default().with_verify_deadline(Duration::from_millis(200));
    for rung in Rung::ALL {
        policy = policy.with_deadline(rung, Duration::from_millis(100));
    }
    let backstop = Backstop::builder()
        .tracking(Tracking::Directory(stage.ledgers()))
        .default_policy(policy)
        .start();
    let (sibling, sibling_trace) = stage.open(&backstop);
    let (guard, trace) = stage.open(&backstop);
    let Some(hold) = stage.subject.hold(&guard) else {
        return Ran::NotApplicable("the subject has nothing that could hold it".into());
    };
    let label = guard.label().into_owned();
    let release = guard.release();
    match &release.outcome {
        Outcome::Stuck { .. } => assert_eq!(release.label, label),
        other => panic!("it is held, and its release reports `{other}`"),
    }
    stage.assert_present(&trace, "although it is held");
    let release = sibling.release();
    stage.assert_true(&release, &sibling_trace);
    drop(hold);
    backstop.set_policy(release.kind, CleanupPolicy::default());
    let report = backstop.release_all(soon());
    assert!(report.is_complete(), "after the hold ended: {report:?}");
    stage.assert_goes(&trace);
    assert!(backstop.is_empty());
    Ran::Held
}
