//! A resource that follows a script: it succeeds, fails, hangs, panics or reports a wrong state.
//!
//! Takes a [`Script`] with an [`Act`] for each rung and a [`Look`] for the probe; returns the resource
//! and a [`Remote`], with which the test reads the calls, ends hanging calls, and stops the failures.

mod remote;
mod script;

use std::borrow::Cow;
use std::sync::Arc;

use backstop_core::error::{Error, ErrorKind, Retry, Stage};
use backstop_core::resource::{Blocking, Kind, Presence, Progress, Step, TrackedResource};

pub use remote::{Called, Remote};
pub use script::{Act, Look, Script};

use remote::Shared;

/// A resource that follows its script.
#[derive(Debug)]
pub struct Scripted {
    label: Cow<'static, str>,
    blocking: Blocking,
    shared: Arc<Shared>,
}

impl Scripted {
    /// The kind of all scripted resources.
    pub const KIND: Kind = Kind::new("testkit.scripted");

    /// A resource that follows `script`, and its remote control. Dropping the [`Remote`] ends whatever
    /// hangs, so that no thread outlives its test.
    pub fn following(label: impl Into<Cow<'static, str>>, script: Script) -> (Self, Remote) {
        let blocking = script.blocking;
        let shared = Arc::new(Shared::of(script));
        let scripted = Self {
            label: label.into(),
            blocking,
            shared: Arc::clone(&shared),
        };
        (scripted, Remote::of(shared))
    }

    fn play(&self, act: Act) -> Result<Progress, Error> {
        let refuse = |retry| Error::new(ErrorKind::Io, Stage::Release, "as scripted").retry(retry);
        match act {
            Act::Done => {
                self.shared.releases();
                Ok(Progress::Done)
            }
            Act::Pending { looks } => {
                self.shared.release_after(looks);
                Ok(Progress::Pending)
            }
            Act::Slow(duration) => {
                // The delay is what is tested.
                std::thread::sleep(duration);
                self.shared.releases();
                Ok(Progress::Done)
            }
            Act::Lie => Ok(Progress::Done),
            Act::FailForNow => Err(refuse(Retry::Later)),
            Act::Fail => Err(refuse(Retry::Never)),
            Act::Never => {
                self.shared.hang();
                Err(refuse(Retry::Never))
            }
            // Past the hook: a panic on purpose is not printed.
            Act::Panic => std::panic::resume_unwind(Box::new("as scripted")),
        }
    }
}

impl TrackedResource for Scripted {
    fn kind(&self) -> Kind {
        Self::KIND
    }

    fn label(&self) -> Cow<'static, str> {
        self.label.clone()
    }

    fn blocking(&self) -> Blocking {
        self.blocking
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        let act = self.shared.next_act(step.rung);
        self.play(act)
    }

    fn verify(&self) -> Presence {
        match self.shared.next_look() {
            Look::Truth => self.shared.truth(),
            Look::Gone => Presence::Gone,
            Look::Present => Presence::present("the script"),
            Look::Unknown => Presence::unknown("as scripted"),
            Look::Never => {
                self.shared.hang();
                Presence::unknown("its hang was ended")
            }
            Look::Panic => std::panic::resume_unwind(Box::new("as scripted")),
        }
    }
}
