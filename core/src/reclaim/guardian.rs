//! A process that outlives its owner's SIGKILL and reclaims at once.
//!
//! It is this program again, started with a variable in its environment. It waits for the ledger's
//! lease, which the kernel passes to it at the moment of the owner's death; there is nothing to poll and
//! no time-out to choose. When the owner exits normally, its ledger is empty or gone, and the guardian
//! ends too.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::reclaimer::Reclaimers;
use super::sweep::Sweep;
use crate::error::{Error, ErrorKind, Stage};
use crate::ledger::{Lease, LedgerDirectory, Medium};
use crate::release::Backstop;
use backstop_os::files::OpenMode;

/// The variable that makes a program its own guardian: the path of the ledger to wait for.
const VARIABLE: &str = "BACKSTOP_GUARDS";

/// Becomes the guardian if this process was started as one, and then never returns; returns at once
/// otherwise.
///
/// Call it first in `main`, before threads, arguments and files.
///
/// # Examples
/// ```no_run
/// use backstop_core::reclaim::{Reclaimers, guardian};
///
/// fn main() -> Result<(), backstop_core::error::Error> {
///     guardian::enter(|| Reclaimers::new());
///     let _guardian = guardian::start()?;
///     // …
///     Ok(())
/// }
/// ```
pub fn enter(reclaimers: impl FnOnce() -> Reclaimers) {
    let Some(ledger) = std::env::var_os(VARIABLE) else {
        return;
    };
    // Signals to the owner's process group are not meant for the guardian.
    backstop_os::exit::ignore_end_signals();
    let code = match guard(Path::new(&ledger), &reclaimers()) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(error = error.chain(), "the guardian failed");
            1
        }
    };
    backstop_os::fork_child::exit_now(code);
}

fn guard(path: &Path, reclaimers: &Reclaimers) -> Result<(), Error> {
    let failed = |message: &'static str| {
        let path = path.display().to_string();
        move |error| Error::io(Stage::Reclaim, message, error).with("ledger", path)
    };
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::new(
            ErrorKind::Configuration,
            Stage::Reclaim,
            "the guardian was given no ledger",
        )
        .with("variable", VARIABLE));
    };
    let name = OsString::from(name);
    let place = LedgerDirectory::open(directory)?;
    let opened = place.handle().open_file_beneath(&name, OpenMode::ReadWrite);
    let file = match opened {
        Ok(file) => file,
        // The owner has already exited normally.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("the ledger cannot be opened")(error)),
    };
    let lease = Lease::wait(file).map_err(failed("the lease cannot be waited for"))?;
    let is_there = place.holds(&name, lease.file());
    if !is_there.map_err(failed("the ledger cannot be inspected"))? {
        return Ok(());
    }
    let report = Sweep::new(reclaimers).run_one(directory, &name, &lease);
    tracing::info!(count = report.count(), "reclaimed for a dead owner");
    Ok(())
}

/// Starts a guardian for the global [`Backstop`]'s ledger. It ends by itself, after this process has.
///
/// # Errors
/// The ledger is not kept in a file, or this program cannot be started again.
pub fn start() -> Result<Guardian, Error> {
    let ledger = Backstop::global().ledger().ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            Stage::Open,
            "tracking is off: there is nothing to guard",
        )
    })?;
    let (Some(path), Medium::Directory(_)) = (ledger.path(), ledger.medium()) else {
        return Err(Error::new(
            ErrorKind::Unsupported,
            Stage::Open,
            "the ledger is not in a file: no guardian can read it",
        ));
    };
    let failed = |error| Error::io(Stage::Open, "the guardian cannot be started", error);
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    // In a process group of its own: a signal to the owner's group must not end the guardian first.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command
        .env(VARIABLE, path)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    Ok(Guardian(child))
}

/// A started guardian. Dropping this changes nothing: the guardian ends with its work.
#[derive(Debug)]
pub struct Guardian(Child);

impl Guardian {
    /// Its PID.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}
