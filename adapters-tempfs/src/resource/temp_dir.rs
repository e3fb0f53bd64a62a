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

/// A directory of mode 0700 that goes with its guard, whatever is in it by then.
///
/// # Guarantees
/// It is removed through open directories, never by following a link, and only if it still is the
/// directory that was made: one that was put in its place stays. What could not be removed is in the
/// [`Release`](backstop_core::release::Release), and `release()` never says "released" while the name
/// stands for it.
///
/// # When it does not hold
/// A process that goes on writing into it while it is removed can keep it from becoming empty: then
/// the release ends stuck, and says what is left.
#[derive(Debug)]
pub struct TempDir {
    directory: LeasedDirectory,
    membership: Option<Membership>,
    handles: HandleLimit,
}

/// Makes a temp directory in this process's leased root.
///
/// # Errors
/// As [`TempOptions::create_dir`].
#[track_caller]
pub fn temp_dir() -> Result<Tracked<TempDir>, Error> {
    TempOptions::new().create_dir()
}

impl TempOptions {
    /// Makes a temp directory. It is announced in the ledger first.
    ///
    /// # Errors
    /// Prefix and suffix make no name; the directory above cannot be written to; this is a forked
    /// child.
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
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes a file `name` in it whose writes count to the directory's quota, if it has one. The file
    /// goes with the directory.
    ///
    /// # Errors
    /// The name exists or is none; there is no room, no right, or no handle left.
    #[track_caller]
    pub fn create_file(&self, name: &str) -> Result<QuotaFile, Error> {
        let path = self.path().join(name);
        let permit = self.handles.take(&path, Site::caller())?;
        let file = self
            .directory
            .entry()
            .open()
            .and_then(|directory| directory.create_file_beneath(name.as_ref()))
            .map_err(error::at(&path, Stage::Use, "the file cannot be made"))?;
        Ok(QuotaFile::new(path, file, permit, self.membership.clone()))
    }

    /// Counts what is in it, and notes that in the ledger.
    ///
    /// # Errors
    /// It cannot be read to the end.
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

    /// Lets it stay, and gives the path that it has from here on. From the leased root, which goes with
    /// this process, it moves to the directory above, under the same name.
    ///
    /// # Errors
    /// Its release has begun already; or it cannot be moved, and then it goes with the root.
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
