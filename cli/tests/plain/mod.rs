//! A resource that costs nothing but its entry in the ledger.

use std::borrow::Cow;

use backstop_core::error::Error;
use backstop_core::resource::{Blocking, Kind, Presence, Progress, Step, TrackedResource};

pub(crate) struct Plain;

impl TrackedResource for Plain {
    fn kind(&self) -> Kind {
        Kind::new("test.plain")
    }
    fn label(&self) -> Cow<'static, str> {
        "plain".into()
    }
    fn blocking(&self) -> Blocking {
        Blocking::Never
    }
    fn release(&self, _: &Step) -> Result<Progress, Error> {
        Ok(Progress::Done)
    }
    fn verify(&self) -> Presence {
        Presence::Gone
    }
}
