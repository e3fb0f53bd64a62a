//! However a release begins, the resource is released exactly once, and that is true.

use std::panic::{AssertUnwindSafe, catch_unwind};

use backstop_core::release::{End, Owned, Tracking};
use backstop_core::resource::{Kind, TrackedResource};

use super::behaviour::{Behaviour, Ran};
use super::fixture::{Fixture, soon};
use super::subject::Subject;

pub(super) fn behaviours<S: Subject>() -> Vec<Behaviour<S>> {
    vec![
        Behaviour::new("dropping the guard releases once", by_drop),
        Behaviour::new("release() releases once and reports the truth", by_release),
        Behaviour::new("force() releases once and reports the truth", by_force),
        Behaviour::new("a scope's end releases once", by_scope),
        Behaviour::new("a panic in a scope releases once", by_panic),
        Behaviour::new("release_all releases once", by_release_all),
        Behaviour::new("release_kind releases once", by_release_kind),
        Behaviour::new("its release releases what belongs to it", by_parent),
        Behaviour::new("two releases at once are one", by_two_at_once),
        Behaviour::new("a late use is Revoked", late_use),
        Behaviour::new("with tracking off the guard still releases", untracked),
        Behaviour::new(
            "with an anonymous ledger the guard releases once",
            anonymous,
        ),
    ]
}

fn by_drop<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    drop(guard);
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn by_release<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    let release = guard.release();
    fixture.assert_true(&release, &trace);
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn by_force<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    let release = guard.force();
    fixture.assert_true(&release, &trace);
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn by_scope<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    let mut scope = backstop.scope("conformance");
    let held = scope.hold(guard);
    fixture.assert_present(&trace, "while its scope is running");
    let ended = scope.finish();
    assert!(ended.is_clean(), "{ended:?}");
    assert_eq!(ended.releases.len(), 1, "{ended:?}");
    fixture.assert_true(&ended.releases[0], &trace);
    assert!(held.get().is_err(), "it can be used after its scope's end");
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn by_panic<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    let (said, ending) = std::sync::mpsc::channel();
    // resume_unwind, not panic!: the hook would print a failure that is none.
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        drop(backstop.scope("conformance").run(|scope| {
            scope.on_end("how", move |end| {
                let _ = said.send(end);
            });
            scope.hold(guard);
            std::panic::resume_unwind(Box::new("on purpose"));
            #[expect(unreachable_code, reason = "gives the closure its type")]
            Ok::<(), ()>(())
        }));
    }));
    assert!(panicked.is_err(), "the scope swallowed the panic");
    assert_eq!(ending.try_recv().ok(), Some(End::Panicked));
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn by_release_all<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (first, first_trace) = fixture.open(&backstop);
    let (second, second_trace) = fixture.open(&backstop);
    let report = backstop.release_all(soon());
    assert!(report.is_complete(), "{report}: {report:?}");
    drop((first, second));
    fixture.assert_released(&backstop, &first_trace, 2);
    fixture.assert_goes(&second_trace);
    Ran::Held
}

fn by_release_kind<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    let other = backstop.release_kind(Kind::new("testkit.unused"), soon());
    assert!(other.ended.is_empty() && other.quietly == 0, "{other:?}");
    fixture.assert_present(&trace, "after another kind was released");
    let report = backstop.release_kind(guard.kind(), soon());
    assert!(report.is_complete(), "{report}: {report:?}");
    drop(guard);
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn by_parent<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (parent, trace) = fixture.open(&backstop);
    let (said, heard) = std::sync::mpsc::channel();
    let tell = move |()| said.send(()).map_err(|error| error.to_string());
    let child = backstop.track_child(
        Owned::new(Kind::new("testkit.child"), "child", (), tell),
        parent.id(),
    );
    let release = parent.release();
    fixture.assert_true(&release, &trace);
    assert!(
        heard.try_recv().is_ok(),
        "its child was not released with it"
    );
    assert!(child.get().is_err(), "its child can still be used");
    drop(child);
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn by_two_at_once<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    let start = std::sync::Barrier::new(2);
    let (mine, all) = std::thread::scope(|threads| {
        let all = threads.spawn(|| {
            start.wait();
            backstop.release_all(soon())
        });
        start.wait();
        let mine = guard.release();
        (mine, all.join().expect("release_all does not panic"))
    });
    assert!(mine.outcome.is_released(), "{mine}");
    assert!(all.is_complete(), "{all}: {all:?}");
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn late_use<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop();
    let (guard, trace) = fixture.open(&backstop);
    assert!(guard.get().is_ok(), "it cannot be used while it is open");
    let (kind, site) = (guard.kind(), guard.site());
    let report = backstop.release_all(soon());
    assert!(report.is_complete(), "{report}: {report:?}");
    match guard.get() {
        Ok(_) => panic!("it can be used after its release"),
        Err(revoked) => assert_eq!((revoked.kind, revoked.site), (kind, site)),
    }
    drop(guard);
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}

fn untracked<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop_tracking(Tracking::Off);
    let (guard, trace) = fixture.open(&backstop);
    assert_eq!(guard.id(), None, "it is tracked although tracking is off");
    drop(guard);
    fixture.assert_goes(&trace);
    let (guard, trace) = fixture.open(&backstop);
    fixture.assert_true(&guard.release(), &trace);
    Ran::Held
}

fn anonymous<S: Subject>(fixture: &Fixture<'_, S>) -> Ran {
    let backstop = fixture.backstop_tracking(Tracking::Anonymous);
    let (guard, trace) = fixture.open(&backstop);
    assert!(guard.id().is_some(), "it is not tracked");
    drop(guard);
    fixture.assert_released(&backstop, &trace, 1);
    Ran::Held
}
