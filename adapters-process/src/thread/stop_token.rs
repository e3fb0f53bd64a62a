//! How a thread's body learns that it is to stop.

use std::sync::Arc;
use std::time::Duration;

use backstop_core::release::{CancelToken, Cancelled};
use crossbeam_channel::Receiver;

use super::Shared;

/// Signals a thread's body to stop, and prevents its callbacks from running after that.
#[derive(Clone)]
pub struct StopToken(Arc<Shared>);

impl StopToken {
    pub(super) fn of(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Whether the thread is to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.token().is_cancelled()
    }

    /// For use with `?` between the steps of the work.
    ///
    /// # Errors
    /// The thread is to stop.
    pub fn check(&self) -> Result<(), Cancelled> {
        self.0.token().check()
    }

    /// Waits until the thread is to stop or the time is over; true if it is to stop.
    #[must_use]
    pub fn wait(&self, time: Duration) -> bool {
        self.0.token().wait(time)
    }

    /// Runs a callback, unless the thread is to stop.
    ///
    /// # Guarantees
    /// No callback begins once stopping has begun. After [`Worker::stop`](crate::Worker::stop) returned
    /// true, or after a release that ended `released`, none is running or will run again.
    pub fn callback<T>(&self, callback: impl FnOnce() -> T) -> Option<T> {
        self.0.gate.pass(callback)
    }

    /// The underlying cancellation token, for code that needs one. Cancelling it does not stop callbacks.
    #[must_use]
    pub fn token(&self) -> CancelToken {
        self.0.token().clone()
    }

    /// Is disconnected when the thread is to stop.
    pub(crate) fn stopped(&self) -> &Receiver<()> {
        self.0.stopped()
    }
}

impl std::fmt::Debug for StopToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "StopToken({}, {})",
            self.0.name,
            self.is_stopped()
        )
    }
}
