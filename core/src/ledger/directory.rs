//! Where ledgers are kept.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Stage};
use backstop_os::directory::Directory;
use backstop_os::identity::Cookie;
use backstop_os::private::private_directory;

/// A private directory of ledgers: mode 0700, owned by this user, not a link.
#[derive(Debug)]
pub struct LedgerDirectory {
    path: PathBuf,
    directory: Directory,
}

/// The suffix of a ledger's name.
pub(super) const SUFFIX: &str = ".ledger";
/// The suffix of a file that is about to become a ledger.
const UNNAMED: &str = ".new";

impl LedgerDirectory {
    /// Opens the directory, and creates it if it does not exist.
    ///
    /// # Errors
    /// It cannot be created, is a link, belongs to another user, or is accessible to other users.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let directory = private_directory(path).map_err(|error| {
            Error::io(Stage::Open, "cannot use the ledger directory", error)
                .with("path", path.display())
        })?;
        Ok(Self {
            path: path.to_owned(),
            directory,
        })
    }

    /// Whether one of our directories may be at `path`. That is ruled out if the name does not
    /// exist or is behind a directory that this user may not enter; if it cannot be determined, as
    /// on a failing disk, it may be.
    pub(crate) fn may_exist(path: &Path) -> bool {
        use std::io::ErrorKind;
        match path.try_exists() {
            Ok(exists) => exists,
            Err(error) => !matches!(
                error.kind(),
                ErrorKind::NotADirectory | ErrorKind::PermissionDenied
            ),
        }
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

    /// The directory handle.
    #[must_use]
    pub fn handle(&self) -> &Directory {
        &self.directory
    }

    /// Creates an empty file with a name that readers ignore, and returns it with that name.
    pub(super) fn create_unnamed(&self, cookie: Cookie) -> std::io::Result<(File, OsString)> {
        let name = OsString::from(format!("{cookie}{UNNAMED}"));
        let file = self.directory.create_file_beneath(&name)?;
        Ok((file, name))
    }

    /// The names of all ledgers in it, and of files that were about to become one.
    pub(crate) fn ledgers_and_unnamed(&self) -> std::io::Result<Vec<OsString>> {
        self.names(|name| name.ends_with(SUFFIX) || name.ends_with(UNNAMED))
    }

    /// Whether the name is that of a file which was about to become a ledger.
    pub(crate) fn is_unnamed(&self, name: &OsString) -> bool {
        name.to_string_lossy().ends_with(UNNAMED)
    }

    /// Whether `file` is the one that has this name now.
    ///
    /// # Errors
    /// It cannot be inspected, which does not mean that it is a different file.
    pub(crate) fn holds(&self, name: &OsString, file: &File) -> std::io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let named = match self.directory.stat_beneath(name) {
            Ok(named) => named,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let opened = file.metadata()?;
        Ok((named.device, named.inode) == (opened.dev(), opened.ino()))
    }

    /// The names of all ledgers in it.
    pub(super) fn ledgers(&self) -> std::io::Result<Vec<OsString>> {
        self.names(|name| name.ends_with(SUFFIX))
    }

    fn names(&self, wanted: impl Fn(&str) -> bool) -> std::io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in self.directory.entries()? {
            let name = entry?.name;
            if wanted(&name.to_string_lossy()) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Where this process keeps its ledger, and where readers search: only `$BACKSTOP_DIR` if it is
/// set, else `$XDG_RUNTIME_DIR/backstop` and `/dev/shm/backstop-UID`, of which the first usable one
/// is written to.
#[must_use]
pub fn default_directories() -> Vec<PathBuf> {
    if let Some(directory) = std::env::var_os("BACKSTOP_DIR").filter(|value| !value.is_empty()) {
        return vec![PathBuf::from(directory)];
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .filter(|value| !value.is_empty())
        .map(|directory| PathBuf::from(directory).join("backstop"));
    let shared = PathBuf::from(format!(
        "/dev/shm/backstop-{}",
        backstop_os::user::effective_id()
    ));
    runtime.into_iter().chain([shared]).collect()
}
