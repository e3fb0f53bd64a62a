//! Removes an entry only after its identity is proven, in a place where no other process can
//! exchange it.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io;
use std::marker::PhantomData;

use super::directory::Directory;
use crate::files::{Removal, RemovalRefusal, WalkLimits};
use crate::identity::FileIdentity;

/// A private directory beneath a root. None can be opened on this system.
#[derive(Debug)]
pub struct Quarantine<'a>(Infallible, PhantomData<&'a Directory>);

/// # Errors
/// Never: no directory can be opened on this system.
pub fn remove_proven(
    root: &Directory,
    _name: &OsStr,
    _expected: Option<&FileIdentity>,
    _quarantine: &OsStr,
    _limits: &WalkLimits,
) -> Result<Removal, RemovalRefusal> {
    match root.0 {}
}

impl<'a> Quarantine<'a> {
    /// # Errors
    /// Never: no directory can be opened on this system.
    pub fn open(root: &'a Directory, _name: &OsStr) -> Result<Self, RemovalRefusal> {
        match root.0 {}
    }

    /// # Errors
    /// Never: there is no quarantine.
    pub fn unfinished(&self) -> io::Result<Vec<OsString>> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no quarantine.
    pub fn remove_proven(
        &self,
        _name: &OsStr,
        _expected: Option<&FileIdentity>,
        _limits: &WalkLimits,
    ) -> Result<Removal, RemovalRefusal> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no quarantine.
    pub fn remove_claimed(
        &self,
        _name: &OsStr,
        _claim: &super::claim::Claim,
        _limits: &WalkLimits,
    ) -> Result<Removal, RemovalRefusal> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no quarantine.
    pub fn close(self) -> io::Result<()> {
        match self.0 {}
    }
}
