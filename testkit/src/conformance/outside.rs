//! What others do to it: someone took it away, was given it, or holds it.

use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Outcome, Tracking};
use backstop_core::resource::{Rung, TrackedResource};

use super::behaviour::{Behaviour, Ran};
use super::fixture::{Fixture, soon};
use super::subject::{Hold, Subject};

pub(super) fn behaviours<S: Subject>() -> Vec<Behaviour<S>> {
    vec![
        Behaviour::new("releasing what is gone already is fine", already_gone),
        Behaviour::new("dismiss keeps it and forgets it", dismissed),
        Behaviour::new("what is held is stuck, named, and holds up no other", held),
    ]
}

fn already_gone<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    if !fixture.subject.destroy(&trace) {
        return Ran::NotApplicable("the subject cannot be destroyed from outside".into());
    }
    fixture.assert_goes(&trace);
    let release = guard.release();
    fixture.assert_true(&release, &trace);
    assert!(release.errors.is_empty(), "{release}");
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn dismissed<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    let kind = guard.kind();
    assert!(guard.dismiss(), "its release had not begun");
    let kinds = backstop.statistics().kinds;
    let live = kinds.get(kind.name()).map_or(0, |kind| kind.live);
    assert_eq!(live, 0, "it is still accounted for");
    let outlives = fixture.subject.outlives_its_value();
    if !outlives {
        fixture.assert_goes(&trace);
        // What it brought along, of another kind, goes with it.
        fixture.assert_nothing_open(&backstop);
    }
    assert!(backstop.is_empty(), "{:?}", backstop.statistics());
    let report = backstop.release_all(soon());
    assert!(report.ended.is_empty() && report.quietly == 0, "{report:?}");
    if !outlives {
        return Ran::NotApplicable("it ends with its value, guard or not".into());
    }
    fixture.assert_present(&trace, "although it was dismissed");
    assert!(
        fixture.subject.destroy(&trace) || !fixture.subject.has_recipe(),
        "clean up by hand: {trace}"
    );
    Ran::Held
}

fn held<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let mut policy = CleanupPolicy::default().with_verify_deadline(Duration::from_millis(200));
    for rung in Rung::ALL {
        policy = policy.with_deadline(rung, Duration::from_millis(100));
    }
    let backstop = Backstop::builder()
        .tracking(Tracking::Directory(fixture.ledgers()))
        .default_policy(policy)
        .start();
    let (sibling, sibling_trace) = fixture.open(&backstop);
    let (guard, trace) = fixture.open(&backstop);
    let hold = match fixture.subject.hold(&guard) {
        Hold::Held(hold) => hold,
        Hold::Never => {
            return Ran::NotApplicable("the subject has nothing that could hold it".into());
        }
        Hold::NotHere(reason) => return Ran::Skipped(reason),
    };
    let label = guard.label().into_owned();
    let release = guard.release();
    match &release.outcome {
        Outcome::Stuck { .. } => assert_eq!(release.label, label),
        other => panic!("it is held, and its release reports `{other}`"),
    }
    fixture.assert_present(&trace, "although it is held");
    // It ends by itself, on a loaded machine later than a step has that is to be waited out.
    backstop.set_policy(release.kind, CleanupPolicy::default());
    let release = sibling.release();
    fixture.assert_true(&release, &sibling_trace);
    drop(hold);
    let report = backstop.release_all(soon());
    assert!(report.is_complete(), "after the hold ended: {report:?}");
    fixture.assert_goes(&trace);
    assert!(backstop.is_empty());
    Ran::Held
}
