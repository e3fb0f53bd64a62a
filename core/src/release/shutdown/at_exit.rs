//! The end of the program by returning from `main` or by `std::process::exit`, and the [`Backstop`] that is
//! released then.

use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;

use parking_lot::Mutex;

use super::options::ShutdownOptions;
use crate::release::backstop::Backstop;
use crate::release::record::Cause;
use crate::release::release_all::ReleaseReport;
use crate::resource::{Deadline, Rung};
use backstop_os::fork;

static GLOBAL: OnceLock<Backstop> = OnceLock::new();
static OPTIONS: Mutex<Option<ShutdownOptions>> = Mutex::new(None);

impl Backstop {
    /// The one of this process, set up with the defaults at its first use.
    ///
    /// It releases what is still open when the program ends by returning from `main` or by
    /// `std::process::exit`. For signals, see [`shutdown`](crate::release::shutdown).
    #[must_use]
    pub fn global() -> Self {
        *GLOBAL.get_or_init(|| {
            let backstop = Self::builder().start();
            release_at_exit(backstop);
            backstop
        })
    }
}

/// Sets how long the release at exit may take.
pub(super) fn set_options(options: ShutdownOptions) {
    *OPTIONS.lock() = Some(options);
}

/// Releases what is still open when the program returns from `main` or calls `std::process::exit`.
fn release_at_exit(backstop: Backstop) {
    static AT_EXIT: OnceLock<Backstop> = OnceLock::new();
    extern "C" fn release() {
        if !fork::is_original_process() {
            return;
        }
        if let Some(backstop) = AT_EXIT.get() {
            let deadline = Deadline::after(OPTIONS.lock().unwrap_or_default().deadline);
            // A panic must not leave a function that C calls.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| {
                let report = backstop.release_open(|_| true, Cause::Exit, Rung::Ask, deadline);
                finish(*backstop, &report);
            }));
        }
    }
    if AT_EXIT.set(backstop).is_ok() && !backstop_os::exit::at_exit(release) {
        tracing::warn!("nothing will be released at exit: the handler cannot be installed");
    }
}

/// Removes the ledger if nothing is left in it; what is left there is for a reclaimer.
pub(super) fn finish(backstop: Backstop, report: &ReleaseReport) {
    if !report.is_complete() {
        tracing::warn!(%report, unfinished = ?report.unfinished, "not everything was released");
        return;
    }
    if backstop.is_empty()
        && let Some(ledger) = backstop.ledger()
        && let Err(error) = ledger.remove()
    {
        tracing::warn!(%error, "the ledger cannot be removed");
    }
}
