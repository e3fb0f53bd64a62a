//! Which control group.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What tells one control group from a later one of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CgroupIdentity {
    /// Its directory, as this process sees it.
    pub path: PathBuf,
    /// The directory's inode, which holds a generation and is not given away again.
    pub inode: u64,
}
