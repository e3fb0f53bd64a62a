//! A sink of the program's own, which outlives the alerts that it is given: settings may change.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::alert::{Alert, Sink};
use crate::error::Error;

#[derive(Clone)]
pub(super) struct SharedSink(Arc<Mutex<Box<dyn Sink>>>);

impl SharedSink {
    pub(super) fn new(sink: impl Sink) -> Self {
        Self(Arc::new(Mutex::new(Box::new(sink))))
    }
}

impl Sink for SharedSink {
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error> {
        self.0.lock().deliver(alert)
    }
}
