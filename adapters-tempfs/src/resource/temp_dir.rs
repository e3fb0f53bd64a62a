//! Temp directories.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstop_core::error::{Error, Stage};
use backstop_core::place::LeasedDirectory;
use backstop_core::release::Tracked;
use backstop_core::resource::{
    Bytes, Footprint, Kind, Presence, Progress, Recipe, Site, Step, TrackedResource,
};

use crate::quota::{Membership, QuotaFile};
use crate::{DIRECTORY, HandleLimit, TempOptions, error};

/// A directory of mode 0700 that is removed with its guard, with everything in it.
///
/// # Guarantees
/// It is removed through open directories, never by following a link, and only if it still is the
/// directory that was created: another one that was put in its place is kept. What could not be removed
/// is listed in the [`Release`](backstop_core::release::Release), and `release()` never returns
/// `released` while the name refers to it.
///
/// # When it does not hold
/// A process that continues to write into it while it is removed can keep it from becoming empty: then
/// the release ends stuck, and lists what is left.
#[derive(Debug)]
pub struct TempDir {
    directory: LeasedDirectory,
    membership: Option<Membership>,
    handles: HandleLimit,
}

/// Creates a temp directory in this process's leased root.
///
/// # Errors
/// As [`TempOptions::create_dir`].
#[track_caller]
pub fn temp_dir() -> Result<Tracked<TempDir>, Error> {
    TempOptions::new().create_dir()
}

impl TempOptions {
    /// Creates a temp directory. It is recorded in the ledger first.
    ///
    /// # Errors
    /// Prefix and suffix do not form a valid file name; the parent directory is not writable; this is a
    /// forked child.
    #[track_caller]
    pub fn create_dir(&self) -> Result<Tracked<TempDir>, Error> {
        self.place(DIRECTORY)
            .draw()?
            .create_directory(|directory| TempDir {
                membership: (self.quota.as_ref()).map(|quota| quota.admit(directory.entry())),
                directory,
                handles: self.handles.clone(),
            })
    }
}

impl TempDir {
    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Creates a file `name` in it whose writes count against the directory's quota, if it has one. The
    /// file is removed with the directory.
    ///
    /// # Errors
    /// The name exists or is invalid; the disk is full; permission is denied; or the handle limit is
    /// reached.
    #[track_caller]
    pub fn create_file(&self, name: &str) -> Result<QuotaFile, Error> {
        let path = self.path().join(name);
        let permit = self.handles.take(&path, Site::caller())?;
        let file = self
            .directory
            .entry()
            .open()
            .and_then(|directory| directory.create_file_beneath(name.as_ref()))
            .map_err(error::at(&path, Stage::Use, "cannot create the file"))?;
        Ok(QuotaFile::new(path, file, permit, self.membership.clone()))
    }

    /// Measures its content, and records the size in the ledger.
    ///
    /// # Errors
    /// It cannot be read completely.
    pub fn measure(directory: &Tracked<Self>) -> Result<Footprint, Error> {
        let survey = directory.directory.entry().survey();
        if let Some(cause) = survey.error {
            let message = "the temp directory cannot be measured";
            return Err(error::at(directory.path(), Stage::Use, message)(cause));
        }
        let footprint = Footprint {
            bytes: Bytes(survey.bytes),
            ..directory.footprint()
        };
        directory.set_footprint(footprint);
        Ok(footprint)
    }

    /// Keeps it, and returns its path from then on. Out of the leased root, which is removed with this
    /// process, it moves to the parent directory, under the same name.
    ///
    /// # Errors
    /// Its release has begun already; or it cannot be moved, and then it is removed with the root.
    pub fn keep(directory: Tracked<Self>) -> Result<PathBuf, Error> {
        let entry = Arc::clone(directory.directory.entry());
        entry.keep(directory)
    }
}

impl TrackedResource for TempDir {
    fn kind(&self) -> Kind {
        self.directory.kind()
    }

    fn label(&self) -> Cow<'static, str> {
        self.directory.label()
    }

    fn footprint(&self) -> Footprint {
        self.directory.footprint()
    }

    fn recipe(&self) -> Option<Recipe> {
        self.directory.recipe()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        self.directory.release(step)
    }

    fn verify(&self) -> Presence {
        self.directory.verify()
    }
}
