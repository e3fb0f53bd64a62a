//! A file in a temp directory whose writes count.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::account::Membership;
use crate::HandlePermit;
use crate::resource::{Access, LimitedFile};

/// A file made by [`TempDir::create_file`](crate::TempDir::create_file). Dropping it closes it; its name
/// goes with the directory.
///
/// # Guarantees
/// A write that would exceed the quota is refused before anything of it is written, with
/// [`QuotaExceeded`](std::io::ErrorKind::QuotaExceeded). Overwriting costs nothing; growing does.
#[derive(Debug)]
pub struct QuotaFile {
    file: LimitedFile,
    membership: Option<Membership>,
}

impl QuotaFile {
    pub(crate) fn new(
        path: PathBuf,
        file: File,
        permit: HandlePermit,
        membership: Option<Membership>,
    ) -> Self {
        Self {
            file: LimitedFile::new(path, file, permit),
            membership,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Reads and writes it.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        Access::new(&self.file, self.membership.as_ref())
    }
}
