//! A directory entry of this process, from the choice of its name to its removal.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstop_os::directory::Directory;
use backstop_os::files::{FileKind, Survey, WalkLimits};
use backstop_os::identity::{Cookie, FileIdentity};

use super::error;
use super::known_directory::KnownDirectory;
use super::recipe::{EntryForm, EntryRecipe, RecordedPath};
use super::removal::{Doomed, is_same};
use crate::error::{Error, ErrorKind, Stage};
use crate::resource::{Deadline, Presence, Progress, Recipe};

/// The position of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// A leased root in its base.
    Root,
    /// In a leased root, whose lock covers it.
    InRoot,
    /// In any other directory.
    Elsewhere,
}

/// An entry that has a name and does not exist yet.
#[derive(Debug)]
pub(super) struct Draft {
    directory: Arc<KnownDirectory>,
    position: Position,
    name: String,
    cookie: Cookie,
    path: PathBuf,
}

/// An entry that was created.
#[derive(Debug)]
pub(super) struct Entry {
    draft: Draft,
    identity: FileIdentity,
}

impl Draft {
    /// The name `prefix`, the cookie, `suffix`, in `directory`.
    ///
    /// # Errors
    /// That is not a valid name: it contains a slash or a zero byte, or is too long.
    pub(super) fn new(
        directory: Arc<KnownDirectory>,
        position: Position,
        prefix: &str,
        cookie: Cookie,
        suffix: &str,
    ) -> Result<Self, Error> {
        /// Maximum length of a name on Linux file systems.
        const LONGEST: usize = 255;
        let name = format!("{prefix}{}{suffix}", cookie.abbreviation());
        if name.contains(['/', '\0']) || name.len() > LONGEST {
            let message = "prefix and suffix do not form a file name of at most 255 bytes";
            return Err(Error::new(ErrorKind::Configuration, Stage::Open, message)
                .with("prefix", format_args!("{prefix:?}"))
                .with("suffix", format_args!("{suffix:?}")));
        }
        let path = directory.path().join(&name);
        Ok(Self {
            directory,
            position,
            name,
            cookie,
            path,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The recipe of the intent.
    pub(super) fn recipe(&self) -> Option<Recipe> {
        self.recipe_with(None)
    }

    fn recipe_with(&self, identity: Option<&FileIdentity>) -> Option<Recipe> {
        let recipe = EntryRecipe {
            form: match self.position {
                Position::Root => EntryForm::Root,
                Position::InRoot | Position::Elsewhere => EntryForm::Entry,
            },
            directory: RecordedPath::of(self.directory.path()),
            directory_identity: self.directory.identity().clone(),
            leased: self.position == Position::InRoot,
            name: self.name.clone(),
            cookie: self.cookie,
            identity: identity.cloned(),
        };
        let written = recipe.write().inspect_err(
            |error| tracing::warn!(%error, path = %self.path.display(), "the recipe cannot be written"),
        );
        written.ok()
    }

    fn handle(&self) -> &Directory {
        self.directory.handle()
    }

    /// Whether something has the name: after a failed attempt to create it.
    pub(super) fn may_exist(&self) -> bool {
        !matches!(
            self.handle().stat_beneath(OsStr::new(&self.name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound
        )
    }

    /// Creates it as a directory of mode 0700.
    pub(super) fn make_directory(self) -> Result<(Entry, Directory), (Self, io::Error)> {
        let made = self
            .handle()
            .create_beneath(OsStr::new(&self.name))
            .and_then(|directory| Ok((directory.identity()?, directory)));
        match made {
            Ok((identity, directory)) => Ok((
                Entry {
                    draft: self,
                    identity,
                },
                directory,
            )),
            Err(error) => Err((self, error)),
        }
    }

    /// Creates it as a file of mode 0600, open for reading and writing.
    pub(super) fn make_file(self) -> Result<(Entry, File), (Self, io::Error)> {
        let name = OsStr::new(&self.name);
        let made = self.handle().create_file_beneath(name).and_then(|file| {
            let identity = self.handle().identity_beneath(name)?;
            let opened = file.metadata()?;
            // The identity was read by name: it must match the open file.
            if (identity.device, identity.inode) == (opened.dev(), opened.ino()) {
                Ok((identity, file))
            } else {
                Err(io::Error::other("the new file was replaced by another one"))
            }
        });
        match made {
            Ok((identity, file)) => Ok((
                Entry {
                    draft: self,
                    identity,
                },
                file,
            )),
            Err(error) => Err((self, error)),
        }
    }
}

impl Entry {
    pub(super) fn path(&self) -> &Path {
        &self.draft.path
    }

    pub(super) fn name(&self) -> &OsStr {
        OsStr::new(&self.draft.name)
    }

    pub(super) fn directory(&self) -> &KnownDirectory {
        &self.draft.directory
    }

    /// Opens the directory that it is.
    ///
    /// # Errors
    /// It is gone or was replaced.
    pub(super) fn open(&self) -> io::Result<Directory> {
        let opened = self.directory().handle().open_beneath(self.name())?;
        if is_same(&self.identity, &opened.identity()?) {
            return Ok(opened);
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            "another directory has its name",
        ))
    }

    /// How many descriptors it occupies.
    pub(super) fn handles(&self) -> u32 {
        match self.draft.position {
            // The root counts its own descriptors.
            Position::InRoot => 0,
            Position::Root | Position::Elsewhere => 1,
        }
    }

    /// The recipe of the live resource.
    pub(super) fn recipe(&self) -> Option<Recipe> {
        self.draft.recipe_with(Some(&self.identity))
    }

    /// Removes it with all that is in it.
    ///
    /// # Errors
    /// It was replaced, could not be removed completely, or the deadline passed.
    pub(super) fn remove(&self, deadline: Deadline) -> Result<Progress, Error> {
        let doomed = Doomed {
            directory: self.directory().handle(),
            name: &self.draft.name,
            cookie: self.draft.cookie,
            identity: Some(&self.identity),
        };
        let removal = doomed
            .remove(deadline)
            .map_err(|refusal| error::refused(self.path(), refusal))?;
        if removal.is_complete() {
            return Ok(Progress::Done);
        }
        Err(error::incomplete(self.path(), removal))
    }

    /// Checks whether its name still refers to it.
    pub(super) fn presence(&self) -> Presence {
        match self.directory().handle().identity_beneath(self.name()) {
            Ok(found) if is_same(&self.identity, &found) => {
                Presence::present(self.path().display().to_string())
            }
            // Another file has the name: ours is gone.
            Ok(_) => Presence::Gone,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Presence::Gone,
            Err(error) => Presence::unknown(format!("{}: {error}", self.path().display())),
        }
    }

    /// Measures its content.
    pub(super) fn survey(&self) -> Survey {
        let handle = self.directory().handle();
        backstop_os::survey::survey(handle, self.name(), &WalkLimits::default())
    }

    /// Its size: the length of a file, as its writers count, or the disk space allocated to the content of
    /// a directory. `None` if it cannot be determined.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self.directory().handle().stat_beneath(self.name()) {
            Ok(stat) if stat.kind != FileKind::Directory => Some(stat.len),
            _ => {
                let survey = self.survey();
                survey.error.is_none().then_some(survey.bytes)
            }
        }
    }
}
