//! Scopes against a plain reference: whatever nests in what and ends how, everything held goes exactly
//! once, the last first, and every callback runs in its turn.
#![cfg(test)]

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind, Retry, Stage};
use backstop_core::release::{End, Ended, Scope, ScopeError, Tracking};
use backstop_core::resource::{
    Blocking, Deadline, Kind, Presence, Progress, Rung, Step, TrackedResource,
};
use proptest::prelude::*;

const KIND: Kind = Kind::new("model.held");

/// How a held resource answers its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    LetsGo,
    /// Fails, and is there for ever.
    Fails,
    Panics,
}

/// What the body of a scope does.
#[derive(Debug, Clone)]
enum Act {
    Hold(Manner),
    OnEnd { panics: bool },
    OnFailure { panics: bool },
    Child(Body),
    Cancel,
    ReleaseAll,
}

#[derive(Debug, Clone)]
struct Body {
    acts: Vec<Act>,
    ending: Ending,
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Finish,
    Drop,
    Return,
    Fail,
    Panic,
}

/// What happens, in order.
type Log = Arc<Mutex<Vec<String>>>;

struct Held {
    name: String,
    manner: Manner,
    log: Log,
    gone: Mutex<bool>,
}

impl TrackedResource for Held {
    fn kind(&self) -> Kind {
        KIND
    }
    fn label(&self) -> Cow<'static, str> {
        self.name.clone().into()
    }
    fn blocking(&self) -> Blocking {
        Blocking::Never
    }
    fn release(&self, step: &Step) -> Result<Progress, Error> {
        // Once a release: the rungs after the first belong to the same one.
        if step.rung == Rung::Ask {
            self.log.lock().unwrap().push(self.name.clone());
        }
        match self.manner {
            Manner::LetsGo => {
                let was_gone = std::mem::replace(&mut *self.gone.lock().unwrap(), true);
                assert!(!was_gone, "{} went twice", self.name);
                Ok(Progress::Done)
            }
            Manner::Fails => {
                Err(Error::new(ErrorKind::Io, Stage::Release, "on purpose").retry(Retry::Never))
            }
            Manner::Panics => resume_unwind(Box::new("on purpose")),
        }
    }
    fn verify(&self) -> Presence {
        match *self.gone.lock().unwrap() {
            true => Presence::Gone,
            false => Presence::present("the model"),
        }
    }
}

/// Plays bodies for real.
struct Player {
    backstop: Backstop,
    log: Log,
    count: usize,
}

impl Player {
    fn name(&mut self) -> String {
        self.count += 1;
        self.count.to_string()
    }

    fn note(&self, name: String, panics: bool) -> impl FnOnce(End) + Send + use<> {
        let log = Arc::clone(&self.log);
        move |end| {
            log.lock().unwrap().push(format!("{name} {end:?}"));
            if panics {
                resume_unwind(Box::new("on purpose"));
            }
        }
    }

    fn act(&mut self, scope: &mut Scope, act: &Act) {
        match act {
            Act::Hold(manner) => {
                let held = Held {
                    name: self.name(),
                    manner: *manner,
                    log: Arc::clone(&self.log),
                    gone: Mutex::new(false),
                };
                let held = scope.hold(self.backstop.track(held));
                assert!(held.get().is_ok());
            }
            Act::OnEnd { panics } => {
                let name = self.name();
                scope.on_end("end", self.note(name, *panics));
            }
            Act::OnFailure { panics } => {
                let name = self.name();
                scope.on_failure("failure", self.note(name, *panics));
            }
            Act::Child(body) => {
                let child = scope.child("child");
                self.play(child, body);
            }
            Act::Cancel => scope.token().cancel(),
            Act::ReleaseAll => {
                let _ = self
                    .backstop
                    .release_all(Deadline::after(std::time::Duration::from_secs(60)));
            }
        }
    }

    /// Plays a scope to its end, and checks what that tells of it.
    fn play(&mut self, mut scope: Scope, body: &Body) {
        let before = self.log.lock().unwrap().len();
        let told = match body.ending {
            Ending::Finish | Ending::Drop => {
                for act in &body.acts {
                    self.act(&mut scope, act);
                }
                match body.ending {
                    Ending::Finish => Some(told(&scope.finish())),
                    _ => {
                        drop(scope);
                        None
                    }
                }
            }
            Ending::Return | Ending::Fail | Ending::Panic => {
                let ran = catch_unwind(AssertUnwindSafe(|| {
                    scope.run(|scope| {
                        for act in &body.acts {
                            self.act(scope, act);
                        }
                        match body.ending {
                            Ending::Return => Ok(()),
                            Ending::Fail => Err("on purpose"),
                            _ => resume_unwind(Box::new("the body")),
                        }
                    })
                }));
                match ran {
                    Ok(ended) => {
                        let has_value = ended.value.is_ok();
                        assert_eq!(has_value, ended.end == End::Finished);
                        let body_failed = matches!(ended.value, Err(ScopeError::Body(_)));
                        assert_eq!(body_failed, matches!(body.ending, Ending::Fail));
                        Some(told(&ended))
                    }
                    Err(panic) => {
                        assert_eq!(panic.downcast_ref(), Some(&"the body"));
                        None
                    }
                }
            }
        };
        if let Some(told) = told {
            // What was held is told in the order in which it went.
            let log = self.log.lock().unwrap();
            let mut rest = log[before..].iter();
            for name in told {
                assert!(
                    rest.any(|line| *line == name) || log.contains(&name),
                    "{name}"
                );
            }
        }
    }
}

fn told<T>(ended: &Ended<T>) -> Vec<String> {
    let stuck = ended.stuck().count();
    assert_eq!(
        ended.is_clean(),
        stuck == 0 && ended.failed_callbacks.is_empty()
    );
    ended
        .releases
        .iter()
        .map(|release| release.label.clone())
        .collect()
}

/// What should happen, by the rules alone.
#[derive(Default)]
struct Reference {
    log: Vec<String>,
    count: usize,
    /// What is open or stuck, in the order of opening.
    open: Vec<(String, Manner)>,
}

enum Due {
    Release(String),
    Callback(String, bool),
}

impl Reference {
    fn name(&mut self) -> String {
        self.count += 1;
        self.count.to_string()
    }

    fn release(&mut self, name: &str) {
        let Some(at) = self.open.iter().position(|(open, _)| open == name) else {
            return;
        };
        self.log.push(name.to_owned());
        if self.open[at].1 == Manner::LetsGo {
            self.open.remove(at);
        }
    }

    fn play(&mut self, body: &Body, cancelled: bool) {
        let mut due = Vec::new();
        let mut cancelled = cancelled;
        for act in &body.acts {
            match act {
                Act::Hold(manner) => {
                    let name = self.name();
                    self.open.push((name.clone(), *manner));
                    due.push(Due::Release(name));
                }
                Act::OnEnd { .. } => due.push(Due::Callback(self.name(), true)),
                Act::OnFailure { .. } => due.push(Due::Callback(self.name(), false)),
                Act::Child(body) => self.play(body, cancelled),
                Act::Cancel => cancelled = true,
                Act::ReleaseAll => {
                    let open: Vec<_> = self
                        .open
                        .iter()
                        .rev()
                        .map(|(name, _)| name.clone())
                        .collect();
                    open.iter().for_each(|name| self.release(name));
                }
            }
        }
        let end = match (body.ending, cancelled) {
            (Ending::Panic, _) => End::Panicked,
            (_, true) => End::Cancelled,
            (Ending::Finish | Ending::Return, false) => End::Finished,
            (Ending::Drop | Ending::Fail, false) => End::Failed,
        };
        for step in due.into_iter().rev() {
            match step {
                Due::Release(name) => self.release(&name),
                Due::Callback(name, always) if always || end != End::Finished => {
                    self.log.push(format!("{name} {end:?}"));
                }
                Due::Callback(..) => {}
            }
        }
    }
}

fn ending() -> impl Strategy<Value = Ending> {
    prop::sample::select(vec![
        Ending::Finish,
        Ending::Drop,
        Ending::Return,
        Ending::Fail,
        Ending::Panic,
    ])
}

fn body() -> impl Strategy<Value = Body> {
    let manner = || {
        prop_oneof![
            6 => Just(Manner::LetsGo),
            1 => Just(Manner::Fails),
            1 => Just(Manner::Panics),
        ]
    };
    let leaf = move || {
        prop_oneof![
            6 => manner().prop_map(Act::Hold),
            2 => any::<bool>().prop_map(|panics| Act::OnEnd { panics }),
            2 => any::<bool>().prop_map(|panics| Act::OnFailure { panics }),
            1 => Just(Act::Cancel),
            1 => Just(Act::ReleaseAll),
        ]
    };
    let of = |acts| {
        (prop::collection::vec(acts, 0..8), ending())
            .prop_map(|(acts, ending)| Body { acts, ending })
    };
    of(leaf().boxed()).prop_recursive(4, 64, 6, move |inner| {
        of(prop_oneof![3 => leaf(), 1 => inner.prop_map(Act::Child)].boxed())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_held_goes_once_and_in_its_turn(body in body()) {
        let mut player = Player {
            backstop: Backstop::builder().tracking(Tracking::Anonymous).start(),
            log: Log::default(),
            count: 0,
        };
        let scope = player.backstop.scope("outermost");
        player.play(scope, &body);

        let mut reference = Reference::default();
        reference.play(&body, false);
        let log = std::mem::take(&mut *player.log.lock().unwrap());
        prop_assert_eq!(log, reference.log);
        // What never let go is still accounted for as there, and nothing else is.
        let kind = player.backstop.statistics().kinds.get(KIND.name()).copied().unwrap_or_default();
        prop_assert_eq!(kind.live as usize, reference.open.len());
        let held = reference.count as u64;
        prop_assert!(kind.released + kind.live <= held);
    }
}
