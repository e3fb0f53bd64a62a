//! The end of the program: by signal, by panic, by exit.
//!
//! Everything open is released in order and within a deadline. A second signal skips to force.

use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::backstop::Backstop;
use super::record::Cause;
use super::release_all::ReleaseReport;
use crate::error::{Error, Stage};
use crate::resource::{Deadline, Rung};
use backstop_os::fork;

/// How long the end may take.
#[derive(Debug, Clone, Copy)]
pub struct ShutdownOptions {
    /// For everything together, on a first signal or at exit. Default: 10 s.
    pub deadline: Duration,
    /// For everything together, once a second signal has come. Default: 3 s.
    pub force_deadline: Duration,
}

impl Default for ShutdownOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            force_deadline: Duration::from_secs(3),
        }
    }
}

/// Releases everything of the global [`Backstop`] when SIGINT, SIGTERM or SIGHUP comes, then lets the
/// signal have its usual effect, so that whoever waits for this program sees how it ended.
///
/// With `panic = "abort"`, a panic releases everything too; otherwise the guards do, as the panic
/// unwinds.
///
/// # When it does not hold
/// A program with signal handlers of its own calls
/// [`release_all`](Backstop::release_all) from them instead. No handler helps against SIGKILL: then
/// the reclaimer does it, or a [guardian](crate::reclaim::guardian) that was asked for.
///
/// # Errors
/// The handlers cannot be installed.
pub fn on_signals(options: ShutdownOptions) -> Result<(), Error> {
    let backstop = Backstop::global();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|error| {
        Error::io(
            Stage::Configure,
            "the signal handlers cannot be installed",
            error,
        )
    })?;
    std::thread::Builder::new()
        .name("backstop-signals".into())
        .spawn(move || {
            let mut count = 0;
            for signal in signals.forever() {
                count += 1;
                release_for_signal(backstop, signal, count, options);
            }
        })
        .map_err(|error| {
            Error::io(
                Stage::Configure,
                "the thread for signals cannot be started",
                error,
            )
        })?;
    if cfg!(panic = "abort") {
        release_on_panic(backstop, options);
    }
    Ok(())
}

/// Asks this program to end, as SIGTERM from outside would: after [`on_signals`] everything is released
/// first, and a program with a handler of its own does what that says.
///
/// # Errors
/// The signal could not be sent.
pub fn request() -> Result<(), Error> {
    signal_hook::low_level::raise(SIGTERM)
        .map_err(|error| Error::io(Stage::Release, "the program cannot be asked to end", error))
}

/// The first signal releases on a thread of its own, so that a second one is seen.
fn release_for_signal(backstop: Backstop, signal: i32, count: u32, options: ShutdownOptions) {
    let (first, span) = match count {
        1 => (Rung::Ask, options.deadline),
        2 => (Rung::Force, options.force_deadline),
        // A third: whoever sends it has waited long enough.
        _ => end_by(signal),
    };
    let released = std::thread::Builder::new()
        .name("backstop-shutdown".into())
        .spawn(move || {
            let report = backstop.release_open(
                |_| true,
                Cause::Signal(signal),
                first,
                Deadline::after(span),
            );
            finish(backstop, &report);
            end_by(signal);
        });
    if released.is_err() {
        end_by(signal);
    }
}

/// Ends the process by the signal itself, as if no handler had been there.
fn end_by(signal: i32) -> ! {
    // Only fails for signals that have no default, which these have.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    std::process::abort();
}

fn release_on_panic(backstop: Backstop, options: ShutdownOptions) {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        previous(panic);
        let deadline = Deadline::after(options.deadline);
        let report = backstop.release_open(|_| true, Cause::Panicked, Rung::Ask, deadline);
        finish(backstop, &report);
    }));
}

/// Releases what is still open when the program returns from `main` or calls `std::process::exit`.
pub(super) fn release_at_exit(backstop: Backstop) {
    static AT_EXIT: OnceLock<Backstop> = OnceLock::new();
    extern "C" fn release() {
        if !fork::is_original_process() {
            return;
        }
        if let Some(backstop) = AT_EXIT.get() {
            let deadline = Deadline::after(ShutdownOptions::default().deadline);
            // A panic must not leave a function that C calls.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
                let report = backstop.release_open(|_| true, Cause::Exit, Rung::Ask, deadline);
                finish(*backstop, &report);
            }));
        }
    }
    if AT_EXIT.set(backstop).is_ok() && !backstop_os::exit::at_exit(release) {
        tracing::warn!("nothing will be released at exit: no handler can be installed");
    }
}

/// Takes the ledger away if nothing is left in it; what is left there is the reclaimer's.
fn finish(backstop: Backstop, report: &ReleaseReport) {
    if !report.is_complete() {
        tracing::warn!(%report, unfinished = ?report.unfinished, "not everything was released");
        return;
    }
    if backstop.is_empty()
        && let Some(ledger) = backstop.ledger()
        && let Err(error) = ledger.remove()
    {
        tracing::warn!(%error, "the ledger stays behind");
    }
}
