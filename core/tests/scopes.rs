//! A scope releases all that it holds, the last first, however it ends.
#![cfg(test)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Cause, End, Outcome, Owned, Scope, ScopeError, Tracked, Tracking};
use backstop_core::resource::{Kind, Rung};
use backstop_testkit::scripted::{Act, Look, Script, Scripted};

const KIND: Kind = Kind::new("test.noted");

/// Notes down what happens, in order.
#[derive(Clone)]
struct Notes {
    backstop: Backstop,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Notes {
    fn new() -> Self {
        Self {
            backstop: Backstop::builder().tracking(Tracking::Anonymous).start(),
            lines: Arc::default(),
        }
    }

    fn note(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    #[track_caller]
    fn open(&self, name: impl Into<String>) -> Tracked<Owned<()>> {
        let (notes, name) = (self.clone(), name.into());
        self.backstop.track_with(KIND, name.clone(), (), move |()| {
            notes.note(name);
            Ok::<(), Error>(())
        })
    }

    /// Holds two with callbacks between them.
    fn fill(&self, scope: &mut Scope) {
        scope.hold(self.open("first"));
        let notes = self.clone();
        scope.on_end("end", move |end| notes.note(format!("end {end:?}")));
        let notes = self.clone();
        scope.on_failure("undo", move |end| notes.note(format!("undo {end:?}")));
        scope.hold(self.open("second"));
    }

    fn assert_undone(&self, end: End) {
        let (undo, ended) = (format!("undo {end:?}"), format!("end {end:?}"));
        assert_eq!(self.lines(), ["second", &undo, &ended, "first"]);
        assert!(self.backstop.is_empty());
    }
}

fn failure() -> Error {
    Error::new(ErrorKind::Io, Stage::Use, "on purpose")
}

#[test]
fn a_finished_scope_releases_in_reverse_and_undoes_nothing() {
    let notes = Notes::new();
    let ended = notes.backstop.scope("work").run(|scope| {
        notes.fill(scope);
        Ok::<_, Error>(7)
    });
    assert_eq!((ended.end, ended.is_clean()), (End::Finished, true));
    let causes: Vec<_> = ended.releases.iter().map(|release| release.cause).collect();
    assert_eq!(causes, [Cause::ScopeEnded; 2]);
    assert_eq!(ended.into_result().unwrap(), 7);
    assert_eq!(notes.lines(), ["second", "end Finished", "first"]);
}

#[test]
fn an_error_undoes_and_is_not_hidden_by_what_else_fails() {
    let notes = Notes::new();
    let short = CleanupPolicy::default().with_retries(0);
    notes.backstop.set_policy(Scripted::KIND, short);
    let script = Rung::ALL
        .into_iter()
        .fold(Script::default(), |script, rung| {
            script.on(rung, [Act::Fail])
        });
    let (scripted, _remote) = Scripted::following("stuck", script.verify([Look::Present]));
    let ended = notes.backstop.scope("work").run(|scope| {
        scope.hold(notes.backstop.track(scripted));
        notes.fill(scope);
        scope.on_end("panicking", |_| resume_unwind(Box::new("in a callback")));
        Err::<(), _>(failure())
    });
    assert_eq!(ended.end, End::Failed);
    assert_eq!(
        ended.failed_callbacks,
        [("panicking", "in a callback".to_owned())]
    );
    assert_eq!(ended.stuck().count(), 1);
    assert!(
        matches!(&ended.value, Err(ScopeError::Body(error)) if error.to_string() == "on purpose")
    );
    assert_eq!(
        notes.lines(),
        ["second", "undo Failed", "end Failed", "first"]
    );
}

#[test]
fn a_panic_undoes_and_goes_on() {
    let notes = Notes::new();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        notes
            .backstop
            .scope("work")
            .run(|scope| -> Result<(), Error> {
                notes.fill(scope);
                resume_unwind(Box::new("on purpose"))
            })
    }));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"on purpose"));
    notes.assert_undone(End::Panicked);
}

#[test]
fn a_cancelled_scope_undoes_and_gives_no_partial_value() {
    let notes = Notes::new();
    let ended = notes.backstop.scope("work").run(|scope| {
        notes.fill(scope);
        scope.token().cancel();
        assert!(scope.check().is_err());
        Ok::<_, Error>("partial")
    });
    assert_eq!(ended.end, End::Cancelled);
    assert!(matches!(ended.value, Err(ScopeError::Cancelled)));
    notes.assert_undone(End::Cancelled);
}

#[test]
fn a_dropped_scope_undoes() {
    let notes = Notes::new();
    let mut scope = notes.backstop.scope("work");
    notes.fill(&mut scope);
    drop(scope);
    notes.assert_undone(End::Failed);
}

#[test]
fn cancelling_reaches_nested_scopes_and_what_they_hold_goes_first() {
    let notes = Notes::new();
    let mut outer = notes.backstop.scope("outer");
    outer.hold(notes.open("outer"));
    let mut inner = outer.child("inner");
    inner.hold(notes.open("inner"));
    assert!(inner.check().is_ok());
    outer.token().cancel();
    assert!(inner.check().is_err());
    assert_eq!(inner.finish().end, End::Cancelled);
    assert_eq!(outer.finish().end, End::Cancelled);
    assert_eq!(notes.lines(), ["inner", "outer"]);

    let outer = notes.backstop.scope("outer");
    let inner = outer.child("inner");
    inner.token().cancel();
    assert!(outer.check().is_ok(), "a child cancelled its parent");
}

#[test]
fn opening_many_is_all_or_nothing() {
    let notes = Notes::new();
    let mut scope = notes.backstop.scope("work");
    scope.hold(notes.open("before"));
    let opened = scope.hold_all(0..5, |number| match number {
        3 => Err(failure()),
        number => Ok(notes.open(number.to_string())),
    });
    let error = opened.expect_err("one cannot be opened");
    assert_eq!(error.index, 3);
    assert!(matches!(error.error, ScopeError::Body(_)));
    assert_eq!(error.releases.len(), 3);
    assert_eq!(notes.lines(), ["2", "1", "0"]);

    let token = scope.token();
    let cancelled = scope.hold_all(0..5, |number| {
        if number == 1 {
            token.cancel();
        }
        Ok::<_, Error>(notes.open(format!("again {number}")))
    });
    let error = cancelled.expect_err("it was cancelled");
    assert!(matches!(
        (error.index, error.error),
        (2, ScopeError::Cancelled)
    ));
    assert_eq!(notes.lines()[3..], ["again 1", "again 0"]);
    drop(scope);
    assert_eq!(notes.lines().last().map(String::as_str), Some("before"));
    assert!(notes.backstop.is_empty());
}

#[test]
fn what_went_before_its_scope_is_revoked_and_released_once() {
    let notes = Notes::new();
    let mut scope = notes.backstop.scope("work");
    let held = scope.hold(notes.open("early"));
    let soon = backstop_core::resource::Deadline::after(std::time::Duration::from_secs(60));
    assert!(notes.backstop.release_all(soon).is_complete());
    assert!(held.get().is_err());
    let ended = scope.finish();
    assert!(ended.is_clean());
    assert!(matches!(
        ended.releases[0].outcome,
        Outcome::ReleasedUnverified { .. }
    ));
    assert_eq!(notes.lines(), ["early"]);
}

#[test]
fn the_end_of_a_scope_cancels_its_token_and_those_of_its_children() {
    let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
    let finished = backstop.scope("finished");
    let (token, child) = (finished.token(), finished.token().child());
    assert!(!token.is_cancelled() && !child.is_cancelled());
    assert!(finished.finish().is_clean());
    assert!(token.is_cancelled() && child.is_cancelled());

    let dropped = backstop.scope("dropped");
    let token = dropped.token();
    drop(dropped);
    assert!(token.is_cancelled());
}
