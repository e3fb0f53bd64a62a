//! Temp files.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstop_core::error::{Error, Stage};
use backstop_core::release::Tracked;
use backstop_core::resource::{
    Bytes, Footprint, Kind, Presence, Progress, Recipe, Site, Step, TrackedResource,
};

use super::{Access, HeldFile};
use crate::entry::Entry;
use crate::{FILE, TempOptions, error};

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
    entry: Arc<Entry>,
    file: HeldFile,
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
        let backstop = self.tracker();
        let (draft, place) = self.draft(backstop, site)?;
        let path = draft.path().to_owned();
        let permit = self.handles.take(&path, site)?;
        let mut announced = backstop
            .intend(FILE, path.display().to_string())
            .site(site)
            .parent(self.parent_of(&place));
        if let Some(recipe) = draft.recipe() {
            announced = announced.recipe(recipe);
        }
        let intent = announced.declare();
        match draft.make_file() {
            Ok((entry, file)) => {
                backstop_core::kill_point::reach("tempfs.file-made");
                let entry = Arc::new(entry);
                let membership = self.quota.as_ref().map(|quota| quota.admit(&entry));
                Ok(intent.fulfil(TempFile {
                    entry,
                    file: HeldFile::new(path, file, permit, membership),
                }))
            }
            Err((draft, cause)) => {
                if !draft.may_exist() {
                    intent.abandon();
                }
                Err(permit.explain(
                    error::at(&path, Stage::Open, "the temp file cannot be made"),
                    cause,
                ))
            }
        }
    }
}

impl TempFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.entry.path()
    }

    /// Reads and writes it.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        self.file.access()
    }

    /// Counts what it holds on disk, and notes that in the ledger.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn measure(file: &Tracked<Self>) -> Result<Footprint, Error> {
        let survey = file.entry.survey();
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
        let entry = Arc::clone(&file.entry);
        // In this order for the reason at `TempDir::keep`.
        if !file.dismiss() {
            return Err(error::revoked(entry.path()));
        }
        entry.settle()
    }
}

impl TrackedResource for TempFile {
    fn kind(&self) -> Kind {
        FILE
    }

    fn label(&self) -> Cow<'static, str> {
        self.path().display().to_string().into()
    }

    fn footprint(&self) -> Footprint {
        Footprint::handles(1 + self.entry.handles())
    }

    fn recipe(&self) -> Option<Recipe> {
        self.entry.recipe()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        // The name goes also when the handle is in use for longer than this: the bytes follow.
        let closed = self.file.close(step.deadline);
        let removed = self.entry.remove(step.deadline)?;
        closed.map(|()| removed)
    }

    fn verify(&self) -> Presence {
        self.entry.presence()
    }
}
