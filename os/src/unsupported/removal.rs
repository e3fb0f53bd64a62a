//! Removes a tree through open directories only.

use std::ffi::OsStr;

use super::directory::Directory;
use crate::files::{Removal, WalkLimits};

/// Cannot be called: no directory can be opened on this system.
pub fn remove_tree(parent: &Directory, _name: &OsStr, _limits: &WalkLimits) -> Removal {
    match parent.0 {}
}
