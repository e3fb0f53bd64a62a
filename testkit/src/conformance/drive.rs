//! Runs every behaviour and names the one that fails.

use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

use crate::Suite;

use super::behaviour::{Behaviour, Ran};
use super::fixture::Fixture;
use super::report::ConformanceReport;
use super::subject::Subject;
use super::{kill_matrix, ledger_record, orphaned, outside, owner, releasing};

/// Checks that a kind of resource keeps what Backstop promises of it.
///
/// Call it from a `#[test]` function whose other statements may be run more than once: the suite runs
/// the same test in separate processes, to kill them. In those, it does not return.
///
/// # Panics
/// A behaviour does not hold: the message begins with its name.
#[track_caller]
pub fn check<S: Subject>(subject: &S) -> ConformanceReport {
    if let Some(role) = crate::role::assigned() {
        owner::play(subject, &role);
        // Another subject's role: its own call comes later in the same test.
        return ConformanceReport::default();
    }
    let caller = Location::caller().file();
    let mut report = ConformanceReport {
        suite: subject.name().to_owned(),
        ..ConformanceReport::default()
    };
    for Behaviour { name, run } in behaviours::<S>() {
        let fixture = Fixture::new(subject, caller);
        match catch_unwind(AssertUnwindSafe(|| run(&fixture))) {
            Ok(Ran::Held) => report.ran.push(name),
            Ok(Ran::NotApplicable(reason)) => report.not_applicable.push((name, reason)),
            Ok(Ran::Skipped(reason)) => {
                let what = format!("{}: {name}: {reason}", subject.name());
                crate::skip(Suite::Conformance, &what);
                report.skipped.push((name, reason));
            }
            Err(panic) => {
                let said = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied());
                match said {
                    Some(said) => panic!("{name} (conformance of {}): {said}", subject.name()),
                    None => resume_unwind(panic),
                }
            }
        }
    }
    report
}

fn behaviours<S: Subject>() -> Vec<Behaviour<S>> {
    let mut all = Vec::new();
    all.extend(releasing::behaviours());
    all.extend(ledger_record::behaviours());
    all.extend(outside::behaviours());
    all.extend(orphaned::behaviours());
    all.extend(kill_matrix::behaviours());
    all
}
