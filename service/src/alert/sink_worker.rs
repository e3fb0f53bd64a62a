//! One sink, and the statistics of its deliveries.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;

use super::message::Alert;
use super::sink::Sink;
use backstop_core::error::Error;
use backstop_core::release::{CallError, within};
use backstop_core::resource::Deadline;

/// A sink behind a deadline.
pub(super) struct SinkWorker {
    name: String,
    sink: Arc<Mutex<Box<dyn Sink>>>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    delivered: u64,
    lost: u64,
    undisclosed: u64,
    last_error: Option<String>,
}

/// Statistics of the alerts passed to a sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SinkStatistics {
    /// The sink's name.
    pub name: String,
    /// Alerts that it accepted.
    pub delivered: u64,
    /// Alerts that it did not accept: it failed, panicked or hung.
    pub lost: u64,
    /// Why it lost the last one.
    pub last_error: Option<String>,
}

impl SinkWorker {
    pub(super) fn new(name: String, sink: Box<dyn Sink>) -> Self {
        Self {
            name,
            sink: Arc::new(Mutex::new(sink)),
            counts: Mutex::default(),
        }
    }

    /// Passes an alert to the sink and waits for it, at most this long.
    pub(super) fn deliver(&self, alert: &Alert, patience: Duration) {
        let mut alert = alert.clone();
        let undisclosed = self.counts.lock().undisclosed;
        alert.lost += undisclosed;
        let others = alert.lost;
        let sink = Arc::clone(&self.sink);
        let answer = within(Deadline::after(patience), move || {
            // Held by an earlier call that hung: its thread still has the sink.
            let mut sink = sink.try_lock()?;
            Some(sink.deliver(&alert))
        });
        let mut counts = self.counts.lock();
        match delivery(answer) {
            Ok(()) => {
                counts.delivered += 1;
                counts.undisclosed = 0;
            }
            Err(reason) => {
                tracing::debug!(sink = self.name, reason, "an alert was lost");
                counts.lost += 1;
                // The losses that this alert would have disclosed are still to be disclosed.
                counts.undisclosed = others + 1;
                counts.last_error = Some(reason);
            }
        }
    }

    pub(super) fn statistics(&self) -> SinkStatistics {
        let counts = self.counts.lock();
        SinkStatistics {
            name: self.name.clone(),
            delivered: counts.delivered,
            lost: counts.lost,
            last_error: counts.last_error.clone(),
        }
    }
}

fn delivery(answer: Result<Option<Result<(), Error>>, CallError>) -> Result<(), String> {
    match answer {
        Ok(Some(result)) => result.map_err(|error| error.chain()),
        Ok(None) => Err("it has not returned from an earlier alert".into()),
        Err(error) => Err(error.to_string()),
    }
}
