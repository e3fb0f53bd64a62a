//! A leased file or directory that has a name and does not exist yet.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::entry::Draft;
use super::error;
use super::held_file::HeldFile;
use super::leased_directory::LeasedDirectory;
use super::leased_entry::LeasedEntry;
use super::leased_file::LeasedFile;
use super::root::LeasedRoot;
use crate::error::{Error, Stage};
use crate::policy::CleanupPolicy;
use crate::release::{Backstop, Intent, Tracked};
use crate::resource::{Kind, ResourceId, Site, TrackedResource};

/// A name that was drawn with [`PlaceOptions::draw`](super::PlaceOptions::draw), for adapters that need
/// the path before they make it, or that track a resource of their own around it.
#[derive(Debug)]
#[must_use = "nothing is created until `create_directory` or `create_file`"]
pub struct PlaceDraft {
    pub(super) backstop: Backstop,
    pub(super) kind: Kind,
    pub(super) label: Option<Cow<'static, str>>,
    pub(super) site: Site,
    pub(super) parent: Option<ResourceId>,
    pub(super) policy: Option<CleanupPolicy>,
    pub(super) draft: Draft,
    pub(super) root: Option<Arc<LeasedRoot>>,
}

impl PlaceDraft {
    /// Its future path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.draft.path()
    }

    /// Makes it a directory of mode 0700, and tracks what `finish` makes of it. It is written to the
    /// ledger first.
    ///
    /// # Errors
    /// The directory above cannot be written to.
    pub fn create_directory<R: TrackedResource>(
        self,
        finish: impl FnOnce(LeasedDirectory) -> R,
    ) -> Result<Tracked<R>, Error> {
        let intent = self.announce();
        let path = self.draft.path().to_owned();
        match self.draft.make_directory() {
            Ok((entry, _)) => {
                crate::kill_point::reach("place.directory-made");
                let entry = LeasedEntry::new(entry, self.root);
                let directory = LeasedDirectory::new(self.kind, self.label, entry);
                Ok(intent.fulfil(finish(directory)))
            }
            Err((draft, cause)) => {
                if !draft.may_exist() {
                    intent.abandon();
                }
                let message = "cannot create the temp directory";
                Err(error::at(&path, Stage::Open, message)(cause))
            }
        }
    }

    /// Makes it a file of mode 0600, open for reading and writing, and tracks what `finish` makes of it.
    /// It is written to the ledger first. `while_open` is dropped when the file is closed, such as a
    /// place under a limit of open files; `()` if there is nothing.
    ///
    /// # Errors
    /// The directory above cannot be written to, or no file can be opened any more.
    pub fn create_file<W: Send + 'static, R: TrackedResource>(
        self,
        while_open: W,
        finish: impl FnOnce(LeasedFile<W>) -> R,
    ) -> Result<Tracked<R>, Error> {
        let intent = self.announce();
        let path = self.draft.path().to_owned();
        match self.draft.make_file() {
            Ok((entry, file)) => {
                crate::kill_point::reach("place.file-made");
                let entry = LeasedEntry::new(entry, self.root);
                let held = HeldFile::new(path, file, while_open);
                let file = LeasedFile::new(self.kind, self.label, entry, held);
                Ok(intent.fulfil(finish(file)))
            }
            Err((draft, cause)) => {
                if !draft.may_exist() {
                    intent.abandon();
                }
                let message = "cannot create the temp file";
                Err(error::at(&path, Stage::Open, message)(cause))
            }
        }
    }

    fn announce(&self) -> Intent {
        let label = match &self.label {
            Some(label) => label.clone(),
            None => self.draft.path().display().to_string().into(),
        };
        let root = || self.root.as_ref().and_then(|root| root.id());
        let mut announced = self
            .backstop
            .intend(self.kind, label)
            .site(self.site)
            .parent(self.parent.or_else(root));
        if let Some(recipe) = self.draft.recipe() {
            announced = announced.recipe(recipe);
        }
        if let Some(policy) = &self.policy {
            announced = announced.policy(policy.clone());
        }
        announced.declare()
    }
}
