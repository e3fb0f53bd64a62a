//! What a file is, as the kernel says, never as its name or its directory says.

use std::ffi::OsString;
use std::time::SystemTime;

/// What kind of file.
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
    /// Something newer than this program.
    Other,
}

/// The facts about one file that removing and ageing need.
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
    /// What kind of file.
    pub kind: FileKind,
    /// How many names it has.
    pub links: u64,
    /// Length in bytes.
    pub len: u64,
    /// Bytes it occupies on disk.
    pub allocated: u64,
    /// When its content last changed.
    pub modified: SystemTime,
    /// When it was created, where the file system keeps that.
    pub born: Option<SystemTime>,
    /// Whether something is mounted here; `None` where the kernel (before 5.8) does not say.
    pub is_mount_root: Option<bool>,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// What the directory says it is. A hint for ordering work: ask the entry's [`Stat`] before any
    /// act.
    pub hint: Option<FileKind>,
}

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    ReadWrite,
}
