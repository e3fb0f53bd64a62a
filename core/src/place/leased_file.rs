//! Files that are removed with their guard.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::held_file::{FileAccess, HeldFile};
use super::leased_entry::LeasedEntry;
use crate::error::Error;
use crate::release::Tracked;
use crate::resource::{Footprint, Kind, Presence, Progress, Recipe, Step, TrackedResource};

/// A file of mode 0600, open for reading and writing, that is removed with its guard. `W` is what is
/// dropped when it is closed.
///
/// # Guarantees
/// As [`LeasedDirectory`](super::LeasedDirectory). The release closes it, so that its disk space is freed
/// immediately.
///
/// # When it does not hold
/// Its disk space is not freed while another process has it open: "gone" means that the name is gone.
#[derive(Debug)]
pub struct LeasedFile<W = ()> {
    kind: Kind,
    label: Option<Cow<'static, str>>,
    entry: Arc<LeasedEntry>,
    file: HeldFile<W>,
}

impl<W> LeasedFile<W> {
    pub(super) fn new(
        kind: Kind,
        label: Option<Cow<'static, str>>,
        entry: Arc<LeasedEntry>,
        file: HeldFile<W>,
    ) -> Self {
        Self {
            kind,
            label,
            entry,
            file,
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.entry.path()
    }

    /// Reads and writes it.
    #[must_use]
    pub fn access(&self) -> FileAccess<'_, W> {
        self.file.access()
    }

    /// The open file, for adapters with an access of their own.
    #[must_use]
    pub fn file(&self) -> &HeldFile<W> {
        &self.file
    }

    /// What it has in common with a leased directory.
    #[must_use]
    pub fn entry(&self) -> &Arc<LeasedEntry> {
        &self.entry
    }
}

impl<W: Send + 'static> LeasedFile<W> {
    /// Keeps it, and returns its path from then on. Out of the leased root, which is removed with this
    /// process, it moves to the parent directory, under the same name. It is closed.
    ///
    /// # Errors
    /// Its release has begun already; or it cannot be moved, and then it is removed with the root.
    pub fn keep(file: Tracked<Self>) -> Result<PathBuf, Error> {
        let entry = Arc::clone(&file.entry);
        entry.keep(file)
    }
}

impl<W: Send + 'static> TrackedResource for LeasedFile<W> {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn label(&self) -> Cow<'static, str> {
        let path = || self.path().display().to_string().into();
        self.label.clone().unwrap_or_else(path)
    }

    fn footprint(&self) -> Footprint {
        Footprint::handles(1 + self.entry.inner().handles())
    }

    fn recipe(&self) -> Option<Recipe> {
        self.entry.inner().recipe()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        // The name is removed also if the file is in use for longer: its disk space is freed later.
        let closed = self.file.close(step.deadline);
        let removed = self.entry.inner().remove(step.deadline)?;
        closed.map(|()| removed)
    }

    fn verify(&self) -> Presence {
        self.entry.inner().presence()
    }
}
