//! A file in a temp directory whose writes count against the directory's quota.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::shared_limit::Membership;
use crate::HandlePermit;
use crate::resource::{LimitedAccess, LimitedFile};

/// A file created by [`TempDir::create_file`](crate::TempDir::create_file). Dropping it closes it; its name
/// is removed with the directory.
///
/// # Guarantees
/// A write that would exceed the quota is refused before any byte of it is written, with
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

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Reads and writes it.
    #[must_use]
    pub fn access(&self) -> LimitedAccess<'_> {
        LimitedAccess::new(&self.file, self.membership.as_ref())
    }
}
