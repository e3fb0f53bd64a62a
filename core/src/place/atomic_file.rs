//! Files that are replaced atomically.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::error;
use super::held_file::{FileAccess, HeldFile};
use crate::error::{Error, Stage};
use crate::release::Tracked;
use crate::resource::{Footprint, Kind, Presence, Progress, Recipe, Step, TrackedResource};

/// The new content of a file, under a name of its own next to it until [`commit`](Self::commit). `W` is
/// what is dropped when it is closed.
///
/// # Guarantees
/// At every instant, and after a kill at any instant, the target is the old file or the new one, whole.
/// What was written and not committed is removed: when the guard is dropped, by an error or a panic, when
/// a scope is cancelled, and by the next sweep when this process was killed. By default the content is
/// on the disk before the name changes, and the name when `commit` returns, so that a power cut
/// leaves the old or the new file too.
///
/// # When it does not hold
/// A target that is a symbolic link is replaced itself; the file that it refers to is not changed. Other
/// names (hard links) of the old file keep the old content. Owner, extended attributes and access lists
/// are those of a new file.
///
/// # Examples
/// ```
/// use std::io::Write;
/// use backstop_core::place::{AtomicFile, AtomicOptions, PlaceOptions};
/// use backstop_core::resource::Kind;
///
/// let directory = PlaceOptions::new(Kind::new("example.work")).create_directory()?;
/// let target = directory.path().join("table.parquet");
/// let file = AtomicOptions::new(Kind::new("example.partial")).create(&target)?;
/// file.access().write_all(b"PAR1")?;
/// assert!(!target.exists());
/// AtomicFile::commit(file)?;
/// assert_eq!(std::fs::read(&target)?, b"PAR1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile<W = ()> {
    pub(super) kind: Kind,
    pub(super) label: Cow<'static, str>,
    pub(super) entry: Entry,
    pub(super) file: HeldFile<W>,
    pub(super) target: PathBuf,
    pub(super) target_name: OsString,
    pub(super) durability: Durability,
    pub(super) existing: Existing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    Disk,
    Cache,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Replaced,
    Refused,
}

impl<W> AtomicFile<W> {
    pub(super) fn describe(path: &Path, target: &Path) -> String {
        format!("{} for {}", path.display(), target.display())
    }

    /// The file whose content it will be.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where the content is until it is committed.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.entry.path()
    }

    /// Writes it, and reads what was written.
    #[must_use]
    pub fn access(&self) -> FileAccess<'_, W> {
        self.file.access()
    }

    /// Makes it the target's content.
    ///
    /// # Errors
    /// It was released before; the disk failed; or the target exists and is not to be replaced. The
    /// target is the old file then. Only if the last step failed, syncing the directory to the disk, is it
    /// the new file, as the error message states.
    pub fn commit(file: Tracked<Self>) -> Result<(), Error>
    where
        W: Send + 'static,
    {
        file.get()
            .map_err(|revoked| error::revoked(&file.target).with_source(revoked))?;
        // Under the file's lock, so that a release from outside comes before all of it or after.
        let synced = file.file.finish(|open| file.publish(open))?;
        // Its name is gone, so a release that began meanwhile finds nothing to do.
        let _ = file.dismiss();
        synced
    }

    fn publish(&self, open: &std::fs::File) -> Result<Result<(), Error>, Error> {
        if self.durability == Durability::Disk {
            let failed = "the new content cannot be written to the disk";
            open.sync_all()
                .map_err(error::at(&self.target, Stage::Use, failed))?;
        }
        crate::kill_point::reach("place.partial-written");
        let directory = self.entry.directory().handle();
        let renamed = match self.existing {
            Existing::Replaced => {
                directory.rename_over(self.entry.name(), directory, &self.target_name)
            }
            Existing::Refused => {
                directory.rename_into(self.entry.name(), directory, &self.target_name)
            }
        };
        let failed = "cannot rename the new content to the target";
        renamed.map_err(error::at(&self.target, Stage::Use, failed))?;
        crate::kill_point::reach("place.partial-renamed");
        if self.durability == Durability::Cache {
            return Ok(Ok(()));
        }
        let failed = "the target is the new file, but may be the old file after a power cut";
        Ok(directory
            .sync()
            .map_err(error::at(&self.target, Stage::Use, failed)))
    }
}

impl<W: Send + 'static> TrackedResource for AtomicFile<W> {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn label(&self) -> Cow<'static, str> {
        self.label.clone()
    }

    fn footprint(&self) -> Footprint {
        Footprint::handles(2)
    }

    fn recipe(&self) -> Option<Recipe> {
        self.entry.recipe()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        // First, because a commit holds it: after a commit the name belongs to the target.
        self.file.close(step.deadline)?;
        self.entry.remove(step.deadline)
    }

    fn verify(&self) -> Presence {
        self.entry.presence()
    }
}
