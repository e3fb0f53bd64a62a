//! What a file is according to the kernel, whatever its name or its directory entry suggests.

use std::ffi::OsString;
use std::time::SystemTime;

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, itself.
    Symlink,
    /// A unix socket.
    Socket,
    /// A named pipe.
    Pipe,
    /// A block or character device.
    Device,
    /// A type that this version does not know.
    Other,
}

/// The facts about one file that removal and age checks need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The device that holds the file.
    pub device: u64,
    /// The inode on that device.
    pub inode: u64,
    /// The user who owns it.
    pub owner: u32,
    /// Permission bits with set-id and sticky bits (`0o7777`).
    pub mode: u32,
    /// Its type.
    pub kind: FileKind,
    /// Number of names (hard links).
    pub links: u64,
    /// Length in bytes.
    pub len: u64,
    /// Bytes allocated on disk.
    pub allocated: u64,
    /// When its content last changed.
    pub modified: SystemTime,
    /// When it was created, where the file system records that.
    pub born: Option<SystemTime>,
    /// Whether something is mounted here; `None` where the kernel (before 5.8) does not report it.
    pub is_mount_root: Option<bool>,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The name.
    pub name: OsString,
    /// The type according to the directory. Only a hint for ordering work: read the entry's
    /// [`Stat`] before acting on it.
    pub hint: Option<FileKind>,
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Reading.
    Read,
    /// Reading and writing.
    ReadWrite,
}
