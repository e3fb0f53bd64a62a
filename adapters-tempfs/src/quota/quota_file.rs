//! A file in a temp directory whose writes count.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::account::Membership;
use crate::handle_limit::Permit;
use crate::resource::{Access, HeldFile};

/// A file made by [`TempDir::create_file`](crate::TempDir::create_file). Dropping it closes it; its name
/// goes with the directory.
///
/// # Guarantees
/// A write that would exceed the quota is refused before anything of it is written, with
/// [`QuotaExceeded`](std::io::ErrorKind::QuotaExceeded). Overwriting costs nothing; growing does.
#[derive(Debug)]
pub struct QuotaFile(HeldFile);

impl QuotaFile {
    pub(crate) fn new(
        path: PathBuf,
        file: File,
        permit: Permit,
        membership: Option<Membership>,
    ) -> Self {
        Self(HeldFile::new(path, file, permit, membership))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Reads and writes it.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        self.0.access()
    }
}
