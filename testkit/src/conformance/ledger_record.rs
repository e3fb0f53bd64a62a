//! What other processes can read about it: the ledger shows what is open, where it was opened, and how to release it.

use backstop_core::ledger::{Entry, LedgerReading, State};
use backstop_core::resource::TrackedResource;

use super::behaviour::{Behaviour, Ran};
use super::fixture::Fixture;
use super::subject::Subject;

pub(super) fn behaviours<S: Subject>() -> Vec<Behaviour<S>> {
    vec![
        Behaviour::new("the ledger shows it live and forgets it after", shown),
        Behaviour::new("its site is where the test opened it", site),
        Behaviour::new("its recipe is in the ledger while it is live", recipe),
    ]
}

fn entries<S: Subject>(fixture: &Fixture<'_, S>, backstop: &backstop_core::Backstop) -> Vec<Entry> {
    let _ = fixture;
    let ledger = backstop.ledger().expect("tracking is on");
    let path = ledger.path().expect("the ledger is in a file");
    let reading = LedgerReading::of_path(path).expect("a live ledger can be read");
    assert_eq!(reading.damage(), [], "the live ledger is damaged");
    reading.entries()
}

fn shown<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    let found = entries(fixture, &backstop);
    let entry = found
        .iter()
        .find(|entry| Some(entry.id) == guard.id())
        .unwrap_or_else(|| panic!("it is not in the ledger: {found:?}"));
    assert_eq!(entry.state, State::Live);
    assert_eq!(entry.kind, guard.kind().name());
    assert_eq!(entry.label, guard.label());
    assert_eq!(entry.footprint, guard.footprint());
    assert_eq!(entry.site, guard.site().to_string());
    drop(guard);
    fixture.assert_released(&backstop, &trace, 1);
    assert!(
        entries(fixture, &backstop).is_empty(),
        "the ledger still shows it"
    );
    Ran::Held
}

fn site<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, _) = fixture.open(&backstop);
    assert_eq!(
        guard.site().file(),
        fixture.caller,
        "the site is {}: a function on the way lacks #[track_caller]",
        guard.site()
    );
    Ran::Held
}

fn recipe<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, _) = fixture.open(&backstop);
    let found = entries(fixture, &backstop);
    let entry = found.iter().find(|entry| Some(entry.id) == guard.id());
    let entry = entry.unwrap_or_else(|| panic!("it is not in the ledger: {found:?}"));
    match (&entry.recipe, fixture.subject.has_recipe()) {
        (Some(recipe), true) => assert_eq!(
            Some(recipe),
            guard.recipe().as_ref(),
            "the ledger's recipe is not the resource's"
        ),
        (None, true) => panic!("it has no readable recipe: {entry:?}"),
        (Some(recipe), false) => panic!(
            "it has a recipe, and the subject says that it dies with its process: {}",
            recipe.as_str()
        ),
        (None, false) => {}
    }
    Ran::Held
}
