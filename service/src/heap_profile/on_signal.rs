//! A heap profile on each signal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use jiff::Timestamp;
use parking_lot::Mutex;
use signal_hook::consts::FORBIDDEN;
use signal_hook::iterator::{Handle, Signals};

use super::profile_directory::{Occasion, ProfileDirectory};
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_os::signal::Signal;

/// Writes a profile on each of these signals, until it is dropped: see [`dump_on_signal`].
#[must_use = "dropping it ends the profiles"]
pub struct DumpOnSignal {
    handle: Handle,
    statistics: Arc<Mutex<DumpStatistics>>,
    ended: Receiver<()>,
}

/// Statistics of the signals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DumpStatistics {
    /// Profiles that were written.
    pub written: u64,
    /// Signals on which none could be written.
    pub failed: u64,
    /// Why the last failed one failed.
    pub last_error: Option<String>,
}

/// How long a drop waits for a profile in progress.
const LAST_PATIENCE: Duration = Duration::from_millis(500);

/// Writes a profile into this directory on each signal: `kill -USR2 PID`, for [`Signal::USR2`]. It
/// is written as pprof and as a flame graph of the same moment, named by its time
/// (`heap-20260131T235959.123Z-signal.svg`); the last eight profiles in the directory are kept. The
/// directory is created with the first one.
///
/// A profile that cannot be written is reported as an error event of `tracing` and counted in
/// [`DumpOnSignal::statistics`]. That also applies if profiling is off: the signal is handled
/// nevertheless, because it would terminate the program otherwise, and the error describes how to
/// switch it on. [`check`](super::check) reports it beforehand.
///
/// # When it does not hold
/// - Signals that arrive while a profile is being taken cause one more profile, however many they
///   are.
/// - A signal for which other code terminates the program, such as SIGTERM with
///   [`shutdown::on_signals`](backstop_core::release::shutdown::on_signals), still does.
/// - After the guard was dropped the signal is ignored. Its earlier disposition is not restored,
///   and a profile in progress may still be written.
///
/// # Errors
/// The signal cannot be handled, such as SIGKILL, or the thread cannot be started.
pub fn dump_on_signal(
    signal: Signal,
    directory: impl Into<PathBuf>,
) -> Result<DumpOnSignal, Error> {
    // The library panics for these.
    if FORBIDDEN.contains(&signal.number()) {
        let what = "this signal cannot be handled: use SIGUSR2";
        return Err(
            Error::new(ErrorKind::Configuration, Stage::Configure, what).with("signal", signal)
        );
    }
    let failed = |what, error| Error::io(Stage::Configure, what, error).with("signal", signal);
    let mut signals = Signals::new([signal.number()])
        .map_err(|error| failed("cannot handle the signal", error))?;
    let handle = signals.handle();
    let directory = ProfileDirectory::new(directory.into());
    let statistics = Arc::new(Mutex::new(DumpStatistics::default()));
    let (end, ended) = bounded::<()>(0);
    let counted = Arc::clone(&statistics);
    std::thread::Builder::new()
        .name("backstop-heap".into())
        .spawn(move || {
            // Dropped with the thread, which signals its end.
            let _end = end;
            for _ in signals.forever() {
                take(&directory, &counted);
            }
        })
        .map_err(|error| failed("cannot start the thread that takes profiles", error))?;
    Ok(DumpOnSignal {
        handle,
        statistics,
        ended,
    })
}

fn take(directory: &ProfileDirectory, statistics: &Mutex<DumpStatistics>) {
    match directory.write(Timestamp::now(), Occasion::Signal) {
        Ok(profile) => {
            tracing::info!(path = %profile.path.display(), "wrote a heap profile");
            statistics.lock().written += 1;
        }
        Err(error) => {
            let reason = error.chain();
            tracing::error!(error = reason, "cannot write a heap profile");
            let mut statistics = statistics.lock();
            statistics.failed += 1;
            statistics.last_error = Some(reason);
        }
    }
}

impl DumpOnSignal {
    /// Statistics so far.
    #[must_use]
    pub fn statistics(&self) -> DumpStatistics {
        self.statistics.lock().clone()
    }
}

impl Drop for DumpOnSignal {
    fn drop(&mut self) {
        self.handle.close();
        // Returns when the thread has dropped the sender.
        let _ = self.ended.recv_timeout(LAST_PATIENCE);
    }
}

impl std::fmt::Debug for DumpOnSignal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DumpOnSignal")
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_cannot_be_handled_is_refused() {
        let place = tempfile::tempdir().unwrap();
        for signal in [Signal::KILL, Signal::STOP] {
            let error = dump_on_signal(signal, place.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{signal}");
        }
    }
}
