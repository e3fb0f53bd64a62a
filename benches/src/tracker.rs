//! A tracker with a ledger file of its own, gone with it.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use backstop_core::release::{Backstop, Tracking};

use crate::place;

/// A tracker whose ledger stands in a directory of its own, in memory where the system has such.
///
/// A thread keeps free slots for the first ledger that it uses only, so a process that measures makes
/// one of these.
#[derive(Debug)]
pub struct Tracker {
    backstop: Backstop,
    directory: PathBuf,
}

impl Tracker {
    /// Sets one up.
    ///
    /// # Errors
    /// The directory cannot be made, or the ledger is not kept in a file there: what is then measured
    /// is not what is asked for.
    pub fn start() -> io::Result<Self> {
        let directory = place::in_memory().join(format!("backstop-benches-{}", std::process::id()));
        // As a ledger's directory must be: its user's alone.
        std::fs::DirBuilder::new().mode(0o700).create(&directory)?;
        let tracking = Tracking::Directory(directory.clone());
        let backstop = Backstop::builder().tracking(tracking).start();
        if let Some(why) = backstop.degraded() {
            let why = why.to_owned();
            std::fs::remove_dir_all(&directory)?;
            return Err(io::Error::other(why));
        }
        Ok(Self {
            backstop,
            directory,
        })
    }

    /// The tracker.
    #[must_use]
    pub fn backstop(&self) -> Backstop {
        self.backstop
    }

    /// The ledger's file.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        let ledger = self.backstop.ledger();
        let path = ledger.as_ref().and_then(|ledger| ledger.path());
        path.expect("a tracker is set up with a file").to_owned()
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        if let Some(ledger) = self.backstop.ledger() {
            // The directory goes next, with whatever is left in it.
            let _ = ledger.remove();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
