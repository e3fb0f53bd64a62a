//! Removing a tree through open directories only.

use std::ffi::OsStr;

use super::directory::Directory;
use crate::files::{Limits, Removal};

/// Cannot be called: there is no directory to call it with.
pub fn remove_tree(parent: &Directory, _name: &OsStr, _limits: &Limits) -> Removal {
    match parent.0 {}
}
