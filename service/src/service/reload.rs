//! New settings on SIGHUP, as is usual for services.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use signal_hook::consts::SIGHUP;
use signal_hook::iterator::{Handle, Signals};

use super::{Inner, Service};
use crate::config::Settings;
use backstop_core::error::{Error, Stage};

/// Reloads the settings of a [`Service`] on each SIGHUP, until it is dropped.
#[must_use = "dropping it stops the reloading"]
pub struct ReloadOnHangup {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Reads the settings again on each SIGHUP, and applies them. Settings that cannot be read or
    /// applied are reported as an event of `tracing`, and the old ones stay in effect.
    ///
    /// # When it does not hold
    /// [`shutdown::on_signals`](backstop_core::release::shutdown::on_signals) treats SIGHUP as a
    /// request to terminate the program: with both, it terminates.
    ///
    /// # Errors
    /// The handler cannot be set, or the thread cannot be started.
    pub fn reload_on_hangup<E: std::fmt::Display>(
        &self,
        read: impl Fn() -> Result<Settings, E> + Send + 'static,
    ) -> Result<ReloadOnHangup, Error> {
        let failed = |what, error| Error::io(Stage::Configure, what, error);
        let mut signals =
            Signals::new([SIGHUP]).map_err(|error| failed("cannot handle SIGHUP", error))?;
        let handle = signals.handle();
        let service = std::sync::Arc::downgrade(&self.inner);
        let thread = std::thread::Builder::new()
            .name("backstop-reload".into())
            .spawn(move || {
                for _ in signals.forever() {
                    let Some(service) = service.upgrade() else {
                        return;
                    };
                    match reread(&service, &read) {
                        Ok(()) => tracing::info!("applied new settings"),
                        Err(error) => tracing::error!(error, "the settings are unchanged"),
                    }
                }
            })
            .map_err(|error| failed("cannot start the thread that reloads", error))?;
        Ok(ReloadOnHangup {
            handle,
            thread: Some(thread),
        })
    }
}

fn reread<E: std::fmt::Display>(
    service: &Inner,
    read: &impl Fn() -> Result<Settings, E>,
) -> Result<(), String> {
    // A panic of the program's own function must not prevent all later reloads.
    let settings = catch_unwind(AssertUnwindSafe(read)).map_err(|_| "reading them panicked")?;
    let settings = settings.map_err(|error| error.to_string())?;
    service.reload(settings).map_err(|error| error.chain())
}

impl Drop for ReloadOnHangup {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It ends by itself; a drop does not propagate a panic of `read`.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for ReloadOnHangup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ReloadOnHangup")
            .finish_non_exhaustive()
    }
}
