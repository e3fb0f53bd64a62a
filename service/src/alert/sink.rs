//! Receivers of alerts.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::message::Alert;
use backstop_core::error::{Error, ErrorKind, Stage};

/// Receives alerts, on a thread of Backstop's own.
///
/// A sink that fails, panics or hangs loses that alert: it is counted, and reported in
/// [`Alert::lost`] of the next one. One that hangs gets no other alert until it has returned, and
/// does not block other sinks.
pub trait Sink: Send + 'static {
    /// Receives an alert.
    ///
    /// # Errors
    /// It could not be delivered.
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error>;
}

impl<F: FnMut(&Alert) + Send + 'static> Sink for F {
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error> {
        self(alert);
        Ok(())
    }
}

/// Sends alerts into a bounded channel. Alerts that do not fit are lost, which the next one
/// discloses.
#[derive(Debug)]
pub struct ChannelSink(Sender<Alert>);

impl ChannelSink {
    /// A sink, and the receiver of its alerts; at most `capacity` wait there.
    #[must_use]
    pub fn bounded(capacity: usize) -> (Self, Receiver<Alert>) {
        let (sender, receiver) = bounded(capacity);
        (Self(sender), receiver)
    }
}

impl Sink for ChannelSink {
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error> {
        self.0.try_send(alert.clone()).map_err(|error| {
            let (kind, what) = match error {
                TrySendError::Full(_) => (ErrorKind::Limit, "the channel of alerts is full"),
                TrySendError::Disconnected(_) => (
                    ErrorKind::NotFound,
                    "the receiver of the channel was dropped",
                ),
            };
            Error::new(kind, Stage::Use, what)
        })
    }
}
