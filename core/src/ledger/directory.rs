//! Where ledgers are kept.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Stage};
use crate::identity::Cookie;
use crate::os::directory::{Directory, private_directory};

/// A private directory of ledgers: mode 0700, ours, not a link.
#[derive(Debug)]
pub struct LedgerDirectory {
    path: PathBuf,
    directory: Directory,
}

/// How a ledger's name ends.
pub(super) const SUFFIX: &str = ".ledger";

impl LedgerDirectory {
    /// Opens the directory, and makes it if it does not exist.
    ///
    /// # Errors
    /// It cannot be made, is a link, belongs to someone else, or is open to others.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let directory = private_directory(path).map_err(|error| {
            Error::io(
                Stage::Open,
                "the ledger directory cannot be used",
                error,
            )
            .with("path", path.display())
        })?;
        Ok(Self {
            path: path.to_owned(),
            directory,
        })
    }

    /// The directory's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file `name` in it.
    #[must_use]
    pub fn path_of(&self, name: &OsString) -> PathBuf {
        self.path.join(name)
    }

    /// The directory itself.
    #[must_use]
    pub fn handle(&self) -> &Directory {
        &self.directory
    }

    /// A new empty file under a name that no reader looks at yet, and that name.
    pub(super) fn create_unnamed(&self, cookie: Cookie) -> std::io::Result<(File, OsString)> {
        let name = OsString::from(format!("{cookie}.new"));
        let file = self.directory.create_file_beneath(&name)?;
        Ok((file, name))
    }

    /// The names of all ledgers in it.
    pub(super) fn ledgers(&self) -> std::io::Result<Vec<OsString>> {
        let mut names: Vec<OsString> = self
            .directory
            .entries()?
            .into_iter()
            .map(|entry| entry.name)
            .filter(|name| name.to_string_lossy().ends_with(SUFFIX))
            .collect();
        names.sort();
        Ok(names)
    }
}

/// Where this process keeps its ledger, and where a reader looks: `$BACKSTOP_DIR` alone if it is set,
/// else `$XDG_RUNTIME_DIR/backstop` and `/dev/shm/backstop-UID`, the first that can be used being the
/// one to write.
#[must_use]
pub fn default_directories() -> Vec<PathBuf> {
    if let Some(directory) = std::env::var_os("BACKSTOP_DIR").filter(|value| !value.is_empty()) {
        return vec![PathBuf::from(directory)];
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .filter(|value| !value.is_empty())
        .map(|directory| PathBuf::from(directory).join("backstop"));
    let shared = PathBuf::from(format!("/dev/shm/backstop-{}", crate::os::user::effective_id()));
    runtime.into_iter().chain([shared]).collect()
}
