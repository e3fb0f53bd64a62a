//! The families that this command knows, put together.

use std::path::{Path, PathBuf};

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::reclaim::Reclaimers;
use backstop_core::release::{Release, Tracked};
use backstop_process::run::{RunReclaimer, Scratch};
use backstop_tempfs::{TempDir, TempOptions};

/// The reclaimers of what is local, of whatever kind, and those of the families that are compiled in.
pub(crate) fn reclaimers() -> Reclaimers {
    Reclaimers::local()
        .with(RunReclaimer)
        .with(backstop_process::reclaimer())
}

/// The temp directory of a run.
pub(crate) fn open_scratch(backstop: Backstop) -> Result<Box<dyn Scratch>, Error> {
    // Without a prefix: the path is to be short, for the sockets that programs make in it.
    let directory = TempOptions::new().backstop(backstop).create_dir()?;
    Ok(Box::new(LeasedScratch(directory)))
}

struct LeasedScratch(Tracked<TempDir>);

impl Scratch for LeasedScratch {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn release(self: Box<Self>) -> Release {
        self.0.release()
    }

    fn keep(self: Box<Self>) -> Result<PathBuf, Error> {
        TempDir::keep(self.0)
    }
}
