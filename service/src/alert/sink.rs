//! Where alerts go.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::message::Alert;
use backstop_core::error::{Error, ErrorKind, Stage};

/// Takes alerts, on a thread of Backstop's own.
///
/// A sink that fails, panics or hangs loses that alert: it is counted, and [`Alert::lost`] of the next
/// one tells. One that hangs gets no other until it has returned, and holds up no other sink.
pub trait Sink: Send + 'static {
    /// Takes an alert.
    ///
    /// # Errors
    /// It could not be told.
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error>;
}

impl<F: FnMut(&Alert) + Send + 'static> Sink for F {
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error> {
        self(alert);
        Ok(())
    }
}

/// Sends alerts into a bounded channel. What finds it full is lost, and disclosed in the next one.
#[derive(Debug)]
pub struct ChannelSink(Sender<Alert>);

impl ChannelSink {
    /// A sink, and the end at which its alerts come out; at most `capacity` wait there.
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
                    "nobody takes alerts out of the channel",
                ),
            };
            Error::new(kind, Stage::Use, what)
        })
    }
}
