//! Directories that are removed with their guard.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::leased_entry::LeasedEntry;
use crate::error::Error;
use crate::release::Tracked;
use crate::resource::{Footprint, Kind, Presence, Progress, Recipe, Step, TrackedResource};

/// A directory of mode 0700 that is removed with its guard, with everything in it.
///
/// # Guarantees
/// It is removed through open directories, never by following a link, and only if it still is the
/// directory that was created: another one that was put in its place is kept. What could not be removed
/// is listed in the [`Release`](crate::release::Release), and `release()` never returns `released` while
/// the name refers to it.
///
/// # When it does not hold
/// A process that continues to write into it while it is removed can keep it from becoming empty: then
/// the release ends stuck, and lists what is left.
#[derive(Debug)]
pub struct LeasedDirectory {
    kind: Kind,
    label: Option<Cow<'static, str>>,
    entry: Arc<LeasedEntry>,
}

impl LeasedDirectory {
    pub(super) fn new(
        kind: Kind,
        label: Option<Cow<'static, str>>,
        entry: Arc<LeasedEntry>,
    ) -> Self {
        Self { kind, label, entry }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.entry.path()
    }

    /// What it has in common with a leased file.
    #[must_use]
    pub fn entry(&self) -> &Arc<LeasedEntry> {
        &self.entry
    }

    /// Keeps it, and returns its path from then on. Out of the leased root, which is removed with this
    /// process, it moves to the parent directory, under the same name.
    ///
    /// # Errors
    /// Its release has begun already; or it cannot be moved, and then it is removed with the root.
    pub fn keep(directory: Tracked<Self>) -> Result<PathBuf, Error> {
        let entry = Arc::clone(&directory.entry);
        entry.keep(directory)
    }
}

impl TrackedResource for LeasedDirectory {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn label(&self) -> Cow<'static, str> {
        let path = || self.path().display().to_string().into();
        self.label.clone().unwrap_or_else(path)
    }

    fn footprint(&self) -> Footprint {
        Footprint::handles(self.entry.inner().handles())
    }

    fn recipe(&self) -> Option<Recipe> {
        self.entry.inner().recipe()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        self.entry.inner().remove(step.deadline)
    }

    fn verify(&self) -> Presence {
        self.entry.inner().presence()
    }
}
