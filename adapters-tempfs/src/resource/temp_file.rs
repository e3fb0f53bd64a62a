//! Temp files.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstop_core::error::{Error, Stage};
use backstop_core::place::LeasedFile;
use backstop_core::release::Tracked;
use backstop_core::resource::{
    Bytes, Footprint, Kind, Presence, Progress, Recipe, Site, Step, TrackedResource,
};

use super::Access;
use crate::quota::Membership;
use crate::{FILE, HandlePermit, TempOptions, error};

/// A file of mode 0600, open for reading and writing, that goes with its guard.
///
/// # Guarantees
/// As [`TempDir`](crate::TempDir). Its handle is closed by the release, so that its bytes come back at
/// once.
///
/// # When it does not hold
/// Somebody else who has it open keeps its bytes until they close it: gone means that the name is
/// gone.
#[derive(Debug)]
pub struct TempFile {
    file: LeasedFile<HandlePermit>,
    membership: Option<Membership>,
}

/// Makes a temp file in this process's leased root.
///
/// # Errors
/// As [`TempOptions::create_file`].
#[track_caller]
pub fn temp_file() -> Result<Tracked<TempFile>, Error> {
    TempOptions::new().create_file()
}

impl TempOptions {
    /// Makes a temp file. It is announced in the ledger first.
    ///
    /// # Errors
    /// Prefix and suffix make no name; the directory above cannot be written to; no handle is left
    /// under the limit; this is a forked child.
    #[track_caller]
    pub fn create_file(&self) -> Result<Tracked<TempFile>, Error> {
        let site = Site::caller();
        let draft = self.place(FILE).draw()?;
        let permit = self.handles.take(draft.path(), site)?;
        let created = draft.create_file(permit, |file| TempFile {
            membership: (self.quota.as_ref()).map(|quota| quota.admit(file.entry())),
            file,
        });
        created.map_err(|error| self.handles.explain(error))
    }
}

impl TempFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Reads and writes it.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        Access::new(self.file.file(), self.membership.as_ref())
    }

    /// Counts what it holds on disk, and notes that in the ledger.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn measure(file: &Tracked<Self>) -> Result<Footprint, Error> {
        let survey = file.file.entry().survey();
        if let Some(cause) = survey.error {
            let message = "the temp file cannot be measured";
            return Err(error::at(file.path(), Stage::Use, message)(cause));
        }
        let footprint = Footprint {
            bytes: Bytes(survey.bytes),
            ..file.footprint()
        };
        file.set_footprint(footprint);
        Ok(footprint)
    }

    /// Lets it stay, and gives the path that it has from here on. From the leased root, which goes with
    /// this process, it moves to the directory above, under the same name. Its handle is closed.
    ///
    /// # Errors
    /// Its release has begun already; or it cannot be moved, and then it goes with the root.
    pub fn keep(file: Tracked<Self>) -> Result<PathBuf, Error> {
        let entry = Arc::clone(file.file.entry());
        entry.keep(file)
    }
}

impl TrackedResource for TempFile {
    fn kind(&self) -> Kind {
        self.file.kind()
    }

    fn label(&self) -> Cow<'static, str> {
        self.file.label()
    }

    fn footprint(&self) -> Footprint {
        self.file.footprint()
    }

    fn recipe(&self) -> Option<Recipe> {
        self.file.recipe()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        self.file.release(step)
    }

    fn verify(&self) -> Presence {
        self.file.verify()
    }
}
