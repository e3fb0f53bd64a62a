//! The identity of a cgroup.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Distinguishes a cgroup from a later one with the same path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CgroupIdentity {
    /// Its directory, as this process sees it.
    pub path: PathBuf,
    /// The directory's inode number, which includes a generation and is never reused.
    pub inode: u64,
}
