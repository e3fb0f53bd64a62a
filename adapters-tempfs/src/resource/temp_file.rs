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

use super::LimitedAccess;
use crate::quota::Membership;
use crate::{FILE, HandlePermit, TempOptions, error};

/// A file of mode 0600, open for reading and writing, that is removed with its guard.
///
/// # Guarantees
/// As [`TempDir`](crate::TempDir). Its handle is closed by the release, so that its disk space is freed
/// immediately.
///
/// # When it does not hold
/// Its disk space is not freed while another process has it open: "gone" means that the name is gone.
#[derive(Debug)]
pub struct TempFile {
    file: LeasedFile<HandlePermit>,
    membership: Option<Membership>,
}

/// Creates a temp file in this process's leased root.
///
/// # Errors
/// As [`TempOptions::create_file`].
#[track_caller]
pub fn temp_file() -> Result<Tracked<TempFile>, Error> {
    TempOptions::new().create_file()
}

impl TempOptions {
    /// Creates a temp file. It is recorded in the ledger first.
    ///
    /// # Errors
    /// Prefix and suffix do not form a valid file name; the parent directory is not writable; the handle
    /// limit is reached; this is a forked child.
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
    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Reads and writes it.
    #[must_use]
    pub fn access(&self) -> LimitedAccess<'_> {
        LimitedAccess::new(self.file.file(), self.membership.as_ref())
    }

    /// Measures its size on disk, and records it in the ledger.
    ///
    /// # Errors
    /// It cannot be inspected.
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

    /// Keeps it, and returns its path from then on. Out of the leased root, which is removed with this
    /// process, it moves to the parent directory, under the same name. Its handle is closed.
    ///
    /// # Errors
    /// Its release has begun already; or it cannot be moved, and then it is removed with the root.
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
