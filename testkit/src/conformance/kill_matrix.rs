//! No single SIGKILL leaves survivors: the owner is killed at each change of state.

use std::os::unix::process::ExitStatusExt;

use super::behaviour::{Behaviour, Ran};
use super::owner::Part;
use super::stage::Stage;
use super::subject::Subject;
use crate::role::Actor;

pub(super) fn behaviours<S: Subject>() -> Vec<Behaviour<S>> {
    vec![Behaviour::new(
        "an owner killed at any change of state leaves nothing that a sweep does not find",
        killed_anywhere,
    )]
}

/// The owner's changes of state, in order.
const PLACES: [&str; 4] = [
    "ledger.intent",
    "ledger.live",
    "ledger.closing",
    "ledger.closed",
];

/// More changes of state than one resource has, its children included.
const MOST: u32 = 64;

fn killed_anywhere<S: Subject>(stage: &Stage<'_, S>) -> Ran {
    for place in PLACES {
        let mut survived = false;
        for count in 1..=MOST {
            let stage = Stage::new(stage.subject, stage.caller);
            let mut owner = match stage.owner(Part::Releases) {
                Ok(mut command) => {
                    Actor::start(command.env("BACKSTOP_KILL_AT", format!("{place}:{count}")))
                }
                Err(reason) => return Ran::Skipped(reason),
            };
            let trace = owner.next_line();
            owner.cue();
            let status = owner.wait();
            let report = stage.sweep(false);
            let at = format!("killed at {place}:{count}");
            assert_eq!(report.left().count(), 0, "{at}: {report:?}");
            if let Some(trace) = trace {
                stage.assert_goes(&trace);
            }
            let left = stage.subject.leftovers(&stage.place());
            assert!(left.is_empty(), "{at}, left behind: {left:?}");
            match (status.signal(), status.code()) {
                (Some(9), _) => {}
                (_, Some(0)) => {
                    survived = true;
                    break;
                }
                _ => panic!("the owner that was to be {at} ended by {status}"),
            }
        }
        assert!(survived, "the owner passes {place} more than {MOST} times");
    }
    Ran::Held
}
