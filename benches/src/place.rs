//! Where measured files are located.

use std::path::{Path, PathBuf};

/// Where files are in memory, if the system has such a place; else where temp files are.
///
/// What a disk's journal takes, and what it puts off from one round into the next, would be most of
/// every figure there.
#[must_use]
pub fn in_memory() -> PathBuf {
    let shared_memory = Path::new("/dev/shm");
    if shared_memory.is_dir() {
        shared_memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}
