//! Where ledgers are kept.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Stage};
use backstop_os::directory::Directory;
use backstop_os::identity::Cookie;
use backstop_os::private::private_directory;

/// A private directory of ledgers: mode 0700, ours, not a link.
#[derive(Debug)]
pub struct LedgerDirectory {
    path: PathBuf,
    directory: Directory,
}

/// How a ledger's name ends.
pub(super) const SUFFIX: &str = ".ledger";
/// How the name of a file ends that is to become a ledger.
const UNNAMED: &str = ".new";

impl LedgerDirectory {
    /// Opens the directory, and makes it if it does not exist.
    ///
    /// # Errors
    /// It cannot be made, is a link, belongs to someone else, or is open to others.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let directory = private_directory(path).map_err(|error| {
            Error::io(Stage::Open, "the ledger directory cannot be used", error)
                .with("path", path.display())
        })?;
        Ok(Self {
            path: path.to_owned(),
            directory,
        })
    }

    /// Whether a directory of ours may be at `path`. It is not where nothing has that name, nor behind what
    /// this user may not enter; where that cannot be told, as on a disk that gives errors, it may be.
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

    /// The directory itself.
    #[must_use]
    pub fn handle(&self) -> &Directory {
        &self.directory
    }

    /// A new empty file under a name that no reader looks at yet, and that name.
    pub(super) fn create_unnamed(&self, cookie: Cookie) -> std::io::Result<(File, OsString)> {
        let name = OsString::from(format!("{cookie}{UNNAMED}"));
        let file = self.directory.create_file_beneath(&name)?;
        Ok((file, name))
    }

    /// The names of all ledgers in it, and of files that were to become one.
    pub(crate) fn ledgers_and_unnamed(&self) -> std::io::Result<Vec<OsString>> {
        self.names(|name| name.ends_with(SUFFIX) || name.ends_with(UNNAMED))
    }

    /// Whether the name is that of a file which was to become a ledger.
    pub(crate) fn is_unnamed(&self, name: &OsString) -> bool {
        name.to_string_lossy().ends_with(UNNAMED)
    }

    /// Whether `file` is the one that now has this name.
    ///
    /// # Errors
    /// That cannot be looked at, which is no sign that it is another.
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
    let shared = PathBuf::from(format!(
        "/dev/shm/backstop-{}",
        backstop_os::user::effective_id()
    ));
    runtime.into_iter().chain([shared]).collect()
}
