//! Puts another file under the same name and the same inode.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Replaces a file or an empty directory by a new one that the file system gave the same inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InodeReuser {
    /// The inode that both had.
    pub inode: u64,
    /// How many tries it took.
    pub tries: u32,
}

impl InodeReuser {
    /// The maximum number of tries. ext4 reused the inode at once in 1000 of 1000 cases, tmpfs in none.
    const MOST: u32 = 1000;

    /// Unlinks the file and makes a new, empty one until that has the old one's inode.
    ///
    /// # Errors
    /// The file system does not reuse inodes, or the file cannot be replaced.
    pub fn replace_file(path: &Path) -> Result<Self, String> {
        Self::replace(path, || {
            std::fs::remove_file(path)?;
            std::fs::File::create_new(path)?.metadata()
        })
    }

    /// The same for an empty directory.
    ///
    /// # Errors
    /// As for [`replace_file`](Self::replace_file).
    pub fn replace_directory(path: &Path) -> Result<Self, String> {
        Self::replace(path, || {
            std::fs::remove_dir(path)?;
            std::fs::create_dir(path)?;
            path.symlink_metadata()
        })
    }

    fn replace(path: &Path, again: impl Fn() -> io::Result<Metadata>) -> Result<Self, String> {
        let named = |error: io::Error| format!("{}: {error}", path.display());
        let old = path.symlink_metadata().map_err(named)?;
        for tries in 1..=Self::MOST {
            if again().map_err(named)?.ino() == old.ino() {
                return Ok(Self {
                    inode: old.ino(),
                    tries,
                });
            }
        }
        Err(format!(
            "the file system of {} did not reuse inode {} in {} tries",
            path.display(),
            old.ino(),
            Self::MOST
        ))
    }
}
