//! A resource whose owner is dead.

use std::path::Path;
use std::sync::OnceLock;

use crate::error::{Error, ErrorKind, Stage};
use crate::ledger::{Entry, OwnerRecord};
use crate::resource::Recipe;
use backstop_os::identity::BootId;

/// One entry of a dead owner's ledger, with all that is known of it. None of it is trusted: the
/// reclaimer compares it with what it finds.
#[derive(Debug, Clone, Copy)]
pub struct Orphan<'a> {
    /// The ledger.
    pub ledger: &'a Path,
    /// Who wrote it.
    pub owner: &'a OwnerRecord,
    /// The resource.
    pub entry: &'a Entry,
}

impl Orphan<'_> {
    /// Whether the owner died in this boot, as far as that is known. Processes and files in memory did not
    /// survive another boot, which takes proof: where `/proc` is hidden, or there is no file descriptor
    /// to read it with, the boot counts as this one.
    #[must_use]
    pub fn is_of_this_boot(&self) -> bool {
        // Read once: it does not change while this process lives.
        static BOOT: OnceLock<BootId> = OnceLock::new();
        let boot = match BOOT.get() {
            Some(boot) => Ok(*boot),
            None => backstop_os::clock::boot_id().map(|boot| *BOOT.get_or_init(|| boot)),
        };
        boot.map_or(true, |boot| boot == self.owner.process.boot)
    }

    /// The recipe as the adapter wrote it.
    ///
    /// # Errors
    /// There is none, or it is not what this version of the adapter writes.
    pub fn read_recipe<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        let missing = || {
            Error::new(
                ErrorKind::NotFound,
                Stage::Read,
                "there is no readable recipe",
            )
        };
        self.entry
            .recipe
            .as_ref()
            .ok_or_else(missing)
            .and_then(Recipe::read)
            .map_err(|error| {
                error
                    .of(format!("{} {}", self.entry.kind, self.entry.label))
                    .with("ledger", self.ledger.display())
                    .with("id", self.entry.id)
            })
    }
}
