//! Its owner is gone, or seems to be: who may release it, on what evidence, and what is recorded.

use backstop_core::ledger::State;
use backstop_core::reclaim::{Judgement, LedgerFate, Receipts, Sweep, SweepReport};

use super::behaviour::{Behaviour, Ran};
use super::fixture::Fixture;
use super::owner::{Part, UNFORKED};
use super::subject::Subject;
use crate::role::Actor;

pub(super) fn behaviours<S: Subject>() -> Vec<Behaviour<S>> {
    vec![
        Behaviour::new("a sweep leaves a live owner's alone", live_owner),
        Behaviour::new(
            "a killed owner's is explained, rehearsed, reclaimed once, with a receipt",
            killed,
        ),
        Behaviour::new(
            "a forked child releases none of its parent's resources",
            forked,
        ),
    ]
}

impl<S: Subject> Fixture<'_, S> {
    /// One sweep of this fixture's ledgers.
    pub(super) fn sweep(&self, rehearse: bool) -> SweepReport {
        let reclaimers = self.subject.reclaimers();
        Sweep::new(&reclaimers)
            .directories(vec![self.ledgers()])
            .rehearse(rehearse)
            .run()
    }
}

fn live_owner<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let (mut owner, trace) = match fixture.owner_with_trace() {
        Ok(owner) => owner,
        Err(reason) => return Ran::Skipped(reason),
    };
    let report = fixture.sweep(false);
    assert!(report.items.is_empty(), "{report:?}");
    let fates: Vec<_> = report.ledgers.iter().map(|ledger| &ledger.fate).collect();
    assert_eq!(fates, [&LedgerFate::OwnerAlive], "{report:?}");
    fixture.assert_present(&trace, "although its owner lives");
    owner.kill();
    let _ = fixture.sweep(false);
    fixture.assert_goes(&trace);
    Ran::Held
}

fn killed<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let (mut owner, trace) = match fixture.owner_with_trace() {
        Ok(owner) => owner,
        Err(reason) => return Ran::Skipped(reason),
    };
    owner.kill();
    if !fixture.subject.has_recipe() {
        fixture.assert_goes(&trace);
        let report = fixture.sweep(false);
        assert_eq!(report.left().count(), 0, "{report:?}");
        assert!(
            fixture.sweep(false).ledgers.is_empty(),
            "the ledger stays behind"
        );
        // What it brought along may need a sweep.
        let left = fixture.subject.leftovers(&fixture.place());
        assert!(left.is_empty(), "left behind: {left:?}");
        return Ran::Held;
    }
    let could_be_gone = !fixture.is_present(&trace);

    let rehearsed = fixture.sweep(true);
    assert!(
        !rehearsed.items.is_empty(),
        "nothing was found: {rehearsed:?}"
    );
    for item in &rehearsed.items {
        assert_eq!(item.state, State::Live, "{item}");
        assert_eq!(item.outcome, None, "a rehearsal acted: {item}");
        match &item.judgement {
            Judgement::Reclaim {
                rule,
                evidence,
                act,
            } => assert!(
                !rule.is_empty() && !act.is_empty() && !evidence.is_empty(),
                "it is not explained: {item}"
            ),
            Judgement::Gone { .. } if could_be_gone => {}
            other => panic!("its judgement is {other:?}"),
        }
    }
    assert_eq!(
        could_be_gone,
        !fixture.is_present(&trace),
        "a rehearsal touched `{trace}`"
    );
    assert!(receipts(fixture).is_empty(), "a rehearsal wrote a receipt");

    let report = fixture.sweep(false);
    assert_eq!(report.left().count(), 0, "something was left: {report:?}");
    fixture.assert_goes(&trace);
    let acts = report.items.iter().filter(|item| item.outcome.is_some());
    assert_eq!(
        receipts(fixture).len(),
        acts.count(),
        "an act has no receipt"
    );

    let second = fixture.sweep(false);
    assert!(
        second.items.is_empty() && second.ledgers.is_empty(),
        "a second sweep found something: {second:?}"
    );
    let left = fixture.subject.leftovers(&fixture.place());
    assert!(left.is_empty(), "left behind: {left:?}");
    Ran::Held
}

fn receipts<S: Subject>(fixture: &Fixture<'_, S>) -> Vec<backstop_core::reclaim::Receipt> {
    let (receipts, unreadable) = Receipts::of(&fixture.ledgers())
        .read()
        .expect("the receipts can be read");
    assert_eq!(unreadable, 0, "a receipt cannot be read");
    receipts
}

fn forked<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let mut owner = match fixture.owner(Part::Forks) {
        Ok(mut command) => Actor::start(&mut command),
        Err(reason) => return Ran::Skipped(reason),
    };
    let trace = owner.next_line().expect("the owner says what it opened");
    let came = owner
        .next_line()
        .expect("the owner says how its fork ended");
    if let Some(reason) = came.strip_prefix(UNFORKED) {
        owner.kill();
        let _ = fixture.sweep(false);
        return Ran::Skipped(format!("its owner cannot fork: {reason}"));
    }
    assert_eq!(
        came, "forked, ended with 0",
        "the child released, or did not end"
    );
    fixture.assert_present(&trace, "after a forked child ended");
    let report = fixture.sweep(false);
    assert!(
        report.items.is_empty(),
        "the child's end freed the lease: {report:?}"
    );
    owner.kill();
    let _ = fixture.sweep(false);
    fixture.assert_goes(&trace);
    Ran::Held
}
