//! The end of the program: by signal, by panic, by exit.
//!
//! Everything open is released in order and within a deadline. A second signal skips to force.

mod at_exit;
mod options;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::backstop::Backstop;
use super::record::Cause;
use crate::error::{Error, Stage};
use crate::resource::{Deadline, Rung};
use at_exit::finish;

pub use options::ShutdownOptions;

/// Releases everything of the global [`Backstop`] when SIGINT, SIGTERM or SIGHUP comes, then the
/// signal has its usual effect, so that a process that waits for this one sees how it ended.
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
    at_exit::set_options(options);
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
    let (first, time) = match count {
        1 => (Rung::Ask, options.deadline),
        2 => (Rung::Force, options.force_deadline),
        // A third: the sender has waited long enough.
        _ => end_by(signal),
    };
    let released = std::thread::Builder::new()
        .name("backstop-shutdown".into())
        .spawn(move || {
            let report = backstop.release_open(
                |_| true,
                Cause::Signal(signal),
                first,
                Deadline::after(time),
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
