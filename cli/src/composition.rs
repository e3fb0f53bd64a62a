//! tmp
use backstop_core::Backstop;
use backstop_core::error::{Error,ErrorKind,Stage};
use backstop_core::reclaim::Reclaimers;
use backstop_process::run::{RunReclaimer, Scratch};
pub(crate) fn reclaimers() -> Reclaimers {
    Reclaimers::new().with(RunReclaimer)
}
pub(crate) fn open_scratch(_backstop: Backstop) -> Result<Box<dyn Scratch>, Error> {
    Err(Error::new(ErrorKind::Unsupported, Stage::Open, "tmp"))
}
