//! A sink of the program's own, which outlives the alerts when settings change.

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

/// How long one delivery waits for another that was started with earlier settings: the time limit
/// of a sink.
const PATIENCE: Duration = Duration::from_secs(5);

impl Sink for SharedSink {
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error> {
        // One that hangs for ever must not use up another thread with each change of settings.
        let Some(mut sink) = self.0.try_lock_for(PATIENCE) else {
            let what = "it has not returned from an alert with earlier settings";
            return Err(Error::new(ErrorKind::Held, Stage::Use, what));
        };
        sink.deliver(alert)
    }
}
