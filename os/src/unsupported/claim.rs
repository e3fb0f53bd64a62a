//! Makes sure that an entry is not in use before its age is checked.

use std::convert::Infallible;
use std::ffi::OsStr;

use super::directory::Directory;
use crate::files::{FileKind, SkipReason, Stat};

/// Proof that no process uses an entry. Not available on this system.
#[derive(Debug)]
pub struct Claim(Infallible);

/// Acquires claims.
#[derive(Debug, Default)]
pub struct Claims(());

impl Claims {
    /// A value that never acquires a claim.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// # Errors
    /// Never: no directory can be opened on this system.
    pub fn claim(
        &mut self,
        directory: &Directory,
        _name: &OsStr,
        _hint: Option<FileKind>,
    ) -> Result<Claim, SkipReason> {
        match directory.0 {}
    }
}

impl Claim {
    /// Whether it belongs to our user.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        match self.0 {}
    }

    /// The facts about the claimed entry.
    #[must_use]
    pub fn stat(&self) -> &Stat {
        match self.0 {}
    }
}
