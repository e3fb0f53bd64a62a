//! Files whose content changes all at once.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::release::Tracked;
use backstop_core::resource::{
    Footprint, Kind, Presence, Progress, Recipe, ResourceId, Site, Step, TrackedResource,
};
use backstop_os::fork;
use backstop_os::identity::Cookie;

use super::{Access, HeldFile};
use crate::config::elsewhere;
use crate::entry::{Draft, Entry};
use crate::{HandleLimit, PARTIAL, error};

/// The new content of a file, under a name of its own beside it until [`commit`](Self::commit).
///
/// # Guarantees
/// At every instant, and after a kill at any instant, the target is the old file or the new one, whole.
/// What was written and not committed goes: when the guard is dropped, by an error or a panic, when a
/// scope is cancelled, and by the next sweep when this process was killed. By default the content is
/// on the disk before the name changes, and the name when `commit` returns, so that a power cut
/// leaves the old or the new file too.
///
/// # When it does not hold
/// A target that is a symbolic link is replaced itself; what it led to stays as it is. Other names of
/// the old file keep its old content. Owner, extended attributes and access lists are those of a new
/// file.
///
/// # Examples
/// ```
/// use std::io::Write;
/// use backstop_tempfs::{AtomicFile, AtomicOptions, temp_dir};
///
/// let directory = temp_dir()?;
/// let target = directory.path().join("table.parquet");
/// let file = AtomicOptions::new().create(&target)?;
/// file.access().write_all(b"PAR1")?;
/// assert!(!target.exists());
/// AtomicFile::commit(file)?;
/// assert_eq!(std::fs::read(&target)?, b"PAR1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    entry: Entry,
    file: HeldFile,
    target: PathBuf,
    target_name: OsString,
    durability: Durability,
    existing: Existing,
}

/// Says how a file is replaced; [`create`](Self::create) begins.
#[derive(Debug, Clone)]
#[must_use = "nothing is made until `create`"]
pub struct AtomicOptions {
    backstop: Option<Backstop>,
    parent: Option<ResourceId>,
    handles: HandleLimit,
    durability: Durability,
    existing: Existing,
    mode: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    Disk,
    Cache,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    Replaced,
    Refused,
}

impl Default for AtomicOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl AtomicOptions {
    /// Through to the disk, over an existing file, with its mode.
    pub fn new() -> Self {
        Self {
            backstop: None,
            parent: None,
            handles: HandleLimit::global(),
            durability: Durability::Disk,
            existing: Existing::Replaced,
            mode: None,
        }
    }

    /// Who tracks it. Default: [`Backstop::global`].
    pub fn backstop(mut self, backstop: Backstop) -> Self {
        self.backstop = Some(backstop);
        self
    }

    /// The resource it belongs to. Default: none.
    pub fn parent(mut self, parent: Option<ResourceId>) -> Self {
        self.parent = parent;
        self
    }

    /// Counts its handle to this limit. Default: [`HandleLimit::global`].
    pub fn handles(mut self, limit: &HandleLimit) -> Self {
        self.handles = limit.clone();
        self
    }

    /// Does not wait for the disk: right for what can be computed again. A kill still leaves the old or
    /// the new file; a power cut may leave an empty one. Default: waits.
    pub fn without_sync(mut self) -> Self {
        self.durability = Durability::Cache;
        self
    }

    /// Refuses to replace: `commit` fails if the target exists by then. Default: replaces.
    pub fn without_replacing(mut self) -> Self {
        self.existing = Existing::Refused;
        self
    }

    /// The permission bits of the new file. Default: those of the file that it replaces, else 0600.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Begins the new content of `target`, whose directory must exist.
    ///
    /// # Errors
    /// The path has no file name; the directory cannot be written to; no handle is left under the
    /// limit; this is a forked child.
    #[track_caller]
    pub fn create(&self, target: impl AsRef<Path>) -> Result<Tracked<AtomicFile>, Error> {
        let site = Site::caller();
        if !fork::is_original_process() {
            return Err(error::forked());
        }
        let given = target.as_ref();
        let Some(target_name) = given.file_name().map(ToOwned::to_owned) else {
            let message = "the target has no file name";
            return Err(Error::new(ErrorKind::Configuration, Stage::Open, message)
                .with("path", given.display()));
        };
        let above = given
            .parent()
            .filter(|above| !above.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let place = elsewhere(above)?;
        let target = place.directory().path().join(&target_name);
        let draft = Draft::new(place, ".backstop-partial-", Cookie::random(), "")?;
        let path = draft.path().to_owned();
        let permit = self.handles.take(&target, site)?;
        let mut announced = self
            .backstop
            .unwrap_or_else(Backstop::global)
            .intend(
                PARTIAL,
                format!("{} for {}", path.display(), target.display()),
            )
            .site(site)
            .parent(self.parent);
        if let Some(recipe) = draft.recipe() {
            announced = announced.recipe(recipe);
        }
        let intent = announced.declare();
        let (entry, file) = match draft.make_file() {
            Ok(made) => made,
            Err((draft, cause)) => {
                if !draft.may_exist() {
                    intent.abandon();
                }
                let message = "the new content cannot be begun";
                return Err(permit.explain(error::at(&path, Stage::Open, message), cause));
            }
        };
        backstop_core::kill_point::reach("tempfs.partial-made");
        let mode = self.mode.or_else(|| mode_of(&target));
        let atomic = intent.fulfil(AtomicFile {
            entry,
            file: HeldFile::new(path, file, permit, None),
            target,
            target_name,
            durability: self.durability,
            existing: self.existing,
        });
        if let Some(mode) = mode {
            let failed = "the new content cannot be given its mode";
            atomic
                .file
                .with(|file| file.set_permissions(Permissions::from_mode(mode)))?
                .map_err(error::at(&atomic.target, Stage::Open, failed))?;
        }
        Ok(atomic)
    }
}

/// The permission bits of the file that will be replaced. A link is replaced itself, and its mode
/// means nothing.
fn mode_of(target: &Path) -> Option<u32> {
    let facts = std::fs::symlink_metadata(target).ok()?;
    facts.is_file().then(|| facts.permissions().mode() & 0o777)
}

impl AtomicFile {
    /// The file whose content it will be.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where the content stands until it is committed.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.entry.path()
    }

    /// Writes it, and reads what was written.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        self.file.access()
    }

    /// Makes it the target's content.
    ///
    /// # Errors
    /// It was released before; the disk failed; or the target exists and is not to be replaced. The
    /// target is the old one then. Only if the very last step failed, writing the directory to the disk,
    /// is it the new one, and the error says so.
    pub fn commit(file: Tracked<Self>) -> Result<(), Error> {
        file.get()
            .map_err(|revoked| error::revoked(&file.target).with_source(revoked))?;
        // Under the file's lock, so that a release from outside comes before all of it or after.
        let synced = file.file.finish(|open| file.publish(open))?;
        // Its name is gone, so whoever began a release meanwhile finds nothing to do.
        let _ = file.dismiss();
        synced
    }

    fn publish(&self, open: &std::fs::File) -> Result<Result<(), Error>, Error> {
        if self.durability == Durability::Disk {
            let failed = "the new content cannot be written to the disk";
            open.sync_all()
                .map_err(error::at(&self.target, Stage::Use, failed))?;
        }
        backstop_core::kill_point::reach("tempfs.partial-written");
        let directory = self.entry.directory().handle();
        let renamed = match self.existing {
            Existing::Replaced => {
                directory.rename_over(self.entry.name(), directory, &self.target_name)
            }
            Existing::Refused => {
                directory.rename_into(self.entry.name(), directory, &self.target_name)
            }
        };
        let failed = "the new content cannot take the target's name";
        renamed.map_err(error::at(&self.target, Stage::Use, failed))?;
        backstop_core::kill_point::reach("tempfs.partial-renamed");
        if self.durability == Durability::Cache {
            return Ok(Ok(()));
        }
        let failed = "the target is the new one, but may be the old one after a power cut";
        Ok(directory
            .sync()
            .map_err(error::at(&self.target, Stage::Use, failed)))
    }
}

impl TrackedResource for AtomicFile {
    fn kind(&self) -> Kind {
        PARTIAL
    }

    fn label(&self) -> Cow<'static, str> {
        format!("{} for {}", self.path().display(), self.target.display()).into()
    }

    fn footprint(&self) -> Footprint {
        Footprint::handles(2)
    }

    fn recipe(&self) -> Option<Recipe> {
        self.entry.recipe()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        // First, because whoever commits holds it: after that the name is the target's.
        self.file.close(step.deadline)?;
        self.entry.remove(step.deadline)
    }

    fn verify(&self) -> Presence {
        self.entry.presence()
    }
}
