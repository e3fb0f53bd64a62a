//! What a thread's body sees of the wish that it stop.

use std::sync::Arc;
use std::time::Duration;

use backstop_core::release::{CancelToken, Cancelled};
use crossbeam_channel::Receiver;

use super::Shared;

/// Tells a thread's body when to stop, and keeps its callbacks from running after that.
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
    /// None begins once stopping has begun. A caller that waited for the stop, by
    /// [`Worker::stop`](crate::Worker::stop) or a release that ended `released`, sees none running and
    /// none ever again.
    pub fn callback<T>(&self, callback: impl FnOnce() -> T) -> Option<T> {
        self.0.gate.pass(callback)
    }

    /// The token behind it, for what asks for one. Cancelling it does not close the way for callbacks.
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
