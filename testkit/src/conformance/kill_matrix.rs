//! No single SIGKILL leaves survivors: the owner is killed at each change of state.

use super::behaviour::{Behaviour, Ran};
use super::fixture::Fixture;
use super::owner::Part;
use super::subject::Subject;
use crate::kill_points::KillPoints;

pub(super) fn behaviours<S: Subject>() -> Vec<Behaviour<S>> {
    vec![Behaviour::new(
        "an owner killed at any change of state leaves nothing that a sweep does not find",
        killed_anywhere,
    )]
}

fn killed_anywhere<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    if let Err(reason) = fixture.owner(Part::Releases) {
        return Ran::Skipped(reason);
    }
    let struck = KillPoints::at(&KillPoints::OWNER).strike(|blow| {
        let fixture = Fixture::new(fixture.subject, fixture.caller);
        let mut command = fixture
            .owner(Part::Releases)
            .expect("the same command was made before");
        let mut owner = blow.start(&mut command);
        let trace = owner.next_line();
        let status = blow.fall(&mut owner);
        let report = fixture.sweep(false);
        assert_eq!(report.left().count(), 0, "{blow:?}: {report:?}");
        if let Some(trace) = trace {
            fixture.assert_goes(&trace);
        }
        let left = fixture.subject.leftovers(&fixture.place());
        assert!(left.is_empty(), "{blow:?}, left behind: {left:?}");
        status
    });
    for (place, kills) in struck.at {
        // What dies with its process needs no intent; what does not is announced before the act.
        let needed = place != "ledger.intent" || fixture.subject.has_recipe();
        assert!(kills > 0 || !needed, "the owner never passes {place}");
    }
    Ran::Held
}
