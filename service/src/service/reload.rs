//! New settings at SIGHUP, as services do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use signal_hook::consts::SIGHUP;
use signal_hook::iterator::{Handle, Signals};

use super::{Inner, Service};
use crate::config::Settings;
use backstop_core::error::{Error, Stage};

/// Reloads the settings of a [`Service`] at each SIGHUP, until it is dropped.
#[must_use = "dropping it ends the reloading"]
pub struct ReloadOnHangup {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Reads the settings again at each SIGHUP, and goes on by them. Settings that cannot be read or
    /// used are told as an event of `tracing`, and the old ones stay.
    ///
    /// # When it does not hold
    /// [`shutdown::on_signals`](backstop_core::release::shutdown::on_signals) takes SIGHUP for the end of the
    /// program: with both, it ends.
    ///
    /// # Errors
    /// No handler can be set, or no thread be started.
    pub fn reload_on_hangup<E: std::fmt::Display>(
        &self,
        read: impl Fn() -> Result<Settings, E> + Send + 'static,
    ) -> Result<ReloadOnHangup, Error> {
        let failed = |what, error| Error::io(Stage::Configure, what, error);
        let mut signals =
            Signals::new([SIGHUP]).map_err(|error| failed("SIGHUP cannot be handled", error))?;
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
                        Ok(()) => tracing::info!("goes on by new settings"),
                        Err(error) => tracing::error!(error, "the settings stay as they were"),
                    }
                }
            })
            .map_err(|error| failed("the thread that reloads cannot be started", error))?;
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
    // A fault of the program's own reading must not be the end of all later ones.
    let settings = catch_unwind(AssertUnwindSafe(read)).map_err(|_| "reading them panicked")?;
    let settings = settings.map_err(|error| error.to_string())?;
    service.reload(settings).map_err(|error| error.chain())
}

impl Drop for ReloadOnHangup {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It ends by itself; a panic of `read` is not passed on by a drop.
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
