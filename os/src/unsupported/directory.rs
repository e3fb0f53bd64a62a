//! A directory handle that is unaffected by changes of the directory's name.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use crate::files::{DirectoryEntry, OpenMode, Stat};
use crate::identity::FileIdentity;

/// An open directory. None can be opened on this system, so no method of it can be called.
#[derive(Debug)]
pub struct Directory(pub(super) Infallible);

/// The names in a directory.
#[derive(Debug)]
pub struct Entries(Infallible);

impl Directory {
    /// # Errors
    /// Always: directory handles are not known on this system.
    pub fn open(_path: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn open_beneath(&self, _name: &OsStr) -> io::Result<Self> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn create_beneath(&self, _name: &OsStr) -> io::Result<Self> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn create_file_beneath(&self, _name: &OsStr) -> io::Result<File> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn open_file_beneath(&self, _name: &OsStr, _access: OpenMode) -> io::Result<File> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn stat(&self) -> io::Result<Stat> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn stat_beneath(&self, _name: &OsStr) -> io::Result<Stat> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn identity(&self) -> io::Result<FileIdentity> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn identity_beneath(&self, _name: &OsStr) -> io::Result<FileIdentity> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn entries(&self) -> io::Result<Entries> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn rename_into(&self, _name: &OsStr, _target: &Self, _new_name: &OsStr) -> io::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn rename_over(&self, _name: &OsStr, _target: &Self, _new_name: &OsStr) -> io::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn open_again(&self) -> io::Result<File> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn unlink_beneath(&self, _name: &OsStr) -> io::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn remove_empty_beneath(&self, _name: &OsStr) -> io::Result<()> {
        match self.0 {}
    }

    /// # Errors
    /// Never: there is no such directory.
    pub fn sync(&self) -> io::Result<()> {
        match self.0 {}
    }
}

impl Iterator for Entries {
    type Item = io::Result<DirectoryEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0 {}
    }
}
