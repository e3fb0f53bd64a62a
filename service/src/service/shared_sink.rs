//! A sink of the program's own, which outlives the alerts that it is given: settings may change.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::alert::{Alert, Sink};
use backstop_core::error::{Error, ErrorKind, Stage};

#[derive(Clone)]
pub(super) struct SharedSink(Arc<Mutex<Box<dyn Sink>>>);

impl SharedSink {
    pub(super) fn new(sink: impl Sink) -> Self {
        Self(Arc::new(Mutex::new(Box::new(sink))))
    }
}

/// How long one delivery waits for another that was begun by earlier settings: as long as a sink has.
const PATIENCE: Duration = Duration::from_secs(5);

impl Sink for SharedSink {
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error> {
        // One that hangs for ever must not take a thread more with each change of settings.
        let Some(mut sink) = self.0.try_lock_for(PATIENCE) else {
            let what = "it has not returned from an alert by earlier settings";
            return Err(Error::new(ErrorKind::Held, Stage::Use, what));
        };
        sink.deliver(alert)
    }
}
