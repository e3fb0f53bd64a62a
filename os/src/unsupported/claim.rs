//! Making sure that nobody uses an entry before its age is looked at.

use std::convert::Infallible;
use std::ffi::OsStr;

use super::directory::Directory;
use crate::files::{FileKind, SkipReason, Stat};

/// The word that nobody uses an entry. None can be had on this system.
#[derive(Debug)]
pub struct Claim(Infallible);

/// Takes claims.
#[derive(Debug, Default)]
pub struct Claims(());

impl Claims {
    /// None, ever.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// # Errors
    /// Never: there is no directory to call it with.
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

    /// The facts of the claimed entry.
    #[must_use]
    pub fn stat(&self) -> &Stat {
        match self.0 {}
    }
}
