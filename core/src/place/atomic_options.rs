//! How a file is replaced.

use std::borrow::Cow;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use backstop_os::fork;
use backstop_os::identity::Cookie;

use super::atomic_file::{AtomicFile, Durability, Existing};
use super::entry::{Draft, Position};
use super::error;
use super::held_file::HeldFile;
use super::options::open;
use crate::error::{Error, ErrorKind, Stage};
use crate::policy::CleanupPolicy;
use crate::release::{Backstop, Tracked};
use crate::resource::{Kind, ResourceId, Site};

/// Options for replacing a file atomically; [`create`](Self::create) begins.
#[derive(Debug, Clone)]
#[must_use = "nothing is created until `create`"]
pub struct AtomicOptions {
    kind: Kind,
    label: Option<Cow<'static, str>>,
    backstop: Option<Backstop>,
    parent: Option<ResourceId>,
    policy: Option<CleanupPolicy>,
    prefix: Cow<'static, str>,
    durability: Durability,
    existing: Existing,
    mode: Option<u32>,
}

impl AtomicOptions {
    /// Of this kind: synced to the disk, replacing an existing file, with its mode.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            label: None,
            backstop: None,
            parent: None,
            policy: None,
            prefix: ".backstop-partial-".into(),
            durability: Durability::Disk,
            existing: Existing::Replaced,
            mode: None,
        }
    }

    /// Its label in the ledger. Default: its path and the target.
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The tracker. Default: [`Backstop::global`].
    pub fn backstop(mut self, backstop: Backstop) -> Self {
        self.backstop = Some(backstop);
        self
    }

    /// The resource it belongs to. Default: none.
    pub fn parent(mut self, parent: Option<ResourceId>) -> Self {
        self.parent = parent;
        self
    }

    /// A policy of its own. Default: that of its kind.
    pub fn policy(mut self, policy: CleanupPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Name prefix of the unfinished content, before twelve random letters and digits. Default:
    /// `.backstop-partial-`.
    pub fn prefix(mut self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Does not wait for the disk (no `fsync`): for data that can be computed again. A kill still leaves
    /// the old or the new file; a power cut may leave an empty one. Default: waits.
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
    /// The path has no file name; the directory is not writable; this is a forked child.
    #[track_caller]
    pub fn create(&self, target: impl AsRef<Path>) -> Result<Tracked<AtomicFile>, Error> {
        self.create_with(target, |_| Ok(()))
    }

    /// As [`create`](Self::create), with a value that is dropped when the new content is closed:
    /// `while_open` creates it for the full path of the target, before anything else is created.
    ///
    /// # Errors
    /// As [`create`](Self::create), and those of `while_open`.
    #[track_caller]
    pub fn create_with<W: Send + 'static>(
        &self,
        target: impl AsRef<Path>,
        while_open: impl FnOnce(&Path) -> Result<W, Error>,
    ) -> Result<Tracked<AtomicFile<W>>, Error> {
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
        let directory = open(above)?;
        let target = directory.path().join(&target_name);
        let cookie = Cookie::random();
        let draft = Draft::new(directory, Position::Elsewhere, &self.prefix, cookie, "")?;
        let path = draft.path().to_owned();
        let while_open = while_open(&target)?;
        let label = self.label.clone();
        let label = label.unwrap_or_else(|| AtomicFile::<W>::describe(&path, &target).into());
        let mut announced = self
            .backstop
            .unwrap_or_else(Backstop::global)
            .intend(self.kind, label.clone())
            .site(site)
            .parent(self.parent);
        if let Some(recipe) = draft.recipe() {
            announced = announced.recipe(recipe);
        }
        if let Some(policy) = &self.policy {
            announced = announced.policy(policy.clone());
        }
        let intent = announced.declare();
        let (entry, file) = match draft.make_file() {
            Ok(made) => made,
            Err((draft, cause)) => {
                if !draft.may_exist() {
                    intent.abandon();
                }
                let message = "cannot create a file for the new content";
                return Err(error::at(&path, Stage::Open, message)(cause));
            }
        };
        crate::kill_point::reach("place.partial-made");
        let mode = self.mode.or_else(|| mode_of(&target));
        let atomic = intent.fulfil(AtomicFile {
            kind: self.kind,
            label,
            entry,
            file: HeldFile::new(path, file, while_open),
            target,
            target_name,
            durability: self.durability,
            existing: self.existing,
        });
        if let Some(mode) = mode {
            let failed = "cannot set the mode of the new content";
            atomic
                .file
                .with(|file| file.set_permissions(Permissions::from_mode(mode)))?
                .map_err(error::at(&atomic.target, Stage::Open, failed))?;
        }
        Ok(atomic)
    }
}

/// The permission bits of the file that will be replaced. A link is replaced itself, so the mode of its
/// target does not count.
fn mode_of(target: &Path) -> Option<u32> {
    let facts = std::fs::symlink_metadata(target).ok()?;
    facts.is_file().then(|| facts.permissions().mode() & 0o777)
}
