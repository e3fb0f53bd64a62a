//! A thread that works until it is asked to stop.

use std::borrow::Cow;
use std::time::Duration;

use backstop_core::error::Error;
use backstop_core::policy::CleanupPolicy;
use backstop_core::release::{Backstop, Tracked};
use backstop_core::resource::{
    Deadline, Footprint, Kind, Presence, Progress, Site, Step, TrackedResource,
};

use crate::config;
use crate::error;
use crate::thread::{StopToken, Thread, ThreadEnd};

/// A named thread with a stop token.
///
/// # Guarantees
/// Once it is stopping, no [callback](StopToken::callback) of it begins; after
/// [`stop`](Self::stop) returned true, or after a release that ended `released`, none is running. A panic
/// of its body is caught and returned by [`end`](Self::end).
///
/// # When it does not hold
/// A thread cannot be killed. If it does not check its token in time, the release ends stuck and names
/// the place where the thread was started, and [`orphaned`](crate::orphaned) lists it until it ends. Work
/// that must be killable belongs in a [`ProcessWorker`](crate::ProcessWorker).
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_process::worker;
///
/// let worker = worker("poll", |stop| {
///     while !stop.wait(Duration::from_millis(10)) {
///         stop.callback(|| { /* notify a peer */ });
///     }
/// })?;
/// assert!(worker.release().outcome.is_released());
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
pub struct Worker(Thread);

/// Starts a [`Worker`], tracked by this process's [`Backstop`].
///
/// # Errors
/// The thread cannot be started.
#[track_caller]
pub fn worker(
    name: impl Into<String>,
    body: impl FnOnce(&StopToken) + Send + 'static,
) -> Result<Tracked<Worker>, Error> {
    Worker::start(&Backstop::global(), name, None, body)
}

impl Worker {
    /// Starts one, tracked by `backstop`, with its own policy or else that of its kind, else
    /// [`thread_policy`](config::thread_policy).
    ///
    /// # Errors
    /// The thread cannot be started.
    #[track_caller]
    pub fn start(
        backstop: &Backstop,
        name: impl Into<String>,
        policy: Option<CleanupPolicy>,
        body: impl FnOnce(&StopToken) + Send + 'static,
    ) -> Result<Tracked<Self>, Error> {
        let (name, site) = (name.into(), Site::caller());
        let intent = backstop
            .intend(config::THREAD, name.clone())
            .site(site)
            .policy(config::chosen(
                policy,
                backstop,
                config::THREAD,
                config::thread_policy,
            ))
            .declare();
        match Thread::start(config::THREAD, &name, site, body) {
            Ok(thread) => Ok(intent.fulfil(Self(thread))),
            Err(cause) => {
                intent.abandon();
                Err(error::no_thread(&name, cause))
            }
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.shared().name
    }

    /// Asks it to stop and waits until none of its callbacks is running; false if one still is at the
    /// deadline. Its body may still be returning.
    ///
    /// Called from within one of its callbacks, it does not wait for that one.
    #[must_use]
    pub fn stop(&self, timeout: Duration) -> bool {
        self.0.shared().ask_to_stop();
        self.0.shared().gate.wait_empty(Deadline::after(timeout))
    }

    /// Waits until its body has ended, without asking it to stop; `None` if it still runs.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Option<ThreadEnd> {
        self.0.shared().wait(Deadline::after(timeout))
    }

    /// How its body ended; `None` while it runs.
    #[must_use]
    pub fn end(&self) -> Option<ThreadEnd> {
        self.0.shared().end()
    }
}

impl TrackedResource for Worker {
    fn kind(&self) -> Kind {
        config::THREAD
    }

    fn label(&self) -> Cow<'static, str> {
        self.name().to_owned().into()
    }

    fn footprint(&self) -> Footprint {
        Footprint::handles(1)
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        Ok(self.0.release(step.rung))
    }

    fn verify(&self) -> Presence {
        self.0.verify()
    }
}
