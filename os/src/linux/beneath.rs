//! Opening one name in an open directory, without links and without leaving its mount.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, chmod, openat, openat2};
use rustix::io::Errno;
use rustix::path::Arg;

use super::status;

/// For listing a directory: NONBLOCK, because the name may have become a pipe.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

/// A single name as a C string.
///
/// # Errors
/// The name is empty, `.`, `..`, or holds a slash or a zero byte: it would leave the directory.
pub(super) fn component(name: &OsStr) -> io::Result<CString> {
    let bytes = name.as_bytes();
    if matches!(bytes, b"" | b"." | b"..") || bytes.contains(&b'/') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{name:?} is not a single name"),
        ));
    }
    CString::new(bytes).map_err(io::Error::from)
}

/// Opens `name`, a single component, in `directory`; a link is `LOOP` or `NOTDIR`, a mount point is
/// `XDEV`.
pub(super) fn open(
    directory: BorrowedFd<'_>,
    name: impl Arg + Copy,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    match openat2(directory, name, flags, Mode::empty(), resolve) {
        // NOSYS before Linux 5.6; PERM from container filters that do not know the call.
        Err(Errno::NOSYS | Errno::PERM) => open_by_parts(directory, name, flags),
        answer => answer,
    }
}

/// What `openat2` does for one component, with the older call.
fn open_by_parts(
    directory: BorrowedFd<'_>,
    name: impl Arg,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let opened = openat(directory, name, flags, Mode::empty())?;
    let (inner, outer) = (status::of(&opened)?, status::of(directory)?);
    if inner.device != outer.device || inner.is_mount_root == Some(true) {
        return Err(Errno::XDEV);
    }
    Ok(opened)
}

/// Pins the file that `name` refers to now, links included, without needing permission for it.
pub(super) fn pin(directory: BorrowedFd<'_>, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    // Not with `openat2`: NO_SYMLINKS would refuse to pin a link.
    openat(
        directory,
        name,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Changes the mode of exactly the pinned file.
pub(super) fn change_mode(pinned: impl AsFd, mode: u32) -> rustix::io::Result<()> {
    // fchmod refuses a pinned descriptor; its link in /proc refers to the same inode rather than to
    // a name. Through the name, a link put in its place would be followed (cpython#157579).
    let link = format!("/proc/self/fd/{}", pinned.as_fd().as_raw_fd());
    chmod(link.as_str(), Mode::from_raw_mode(mode))
}

/// Opens the pinned directory for reading.
pub(super) fn open_pinned(pinned: impl AsFd) -> rustix::io::Result<OwnedFd> {
    openat(pinned, c".", DIRECTORY, Mode::empty())
}

/// Opens a directory by path: the last component must not be a link.
pub(super) fn open_path(path: &std::path::Path) -> rustix::io::Result<OwnedFd> {
    // Without a trailing slash or dot: `link/` and `link/.` would follow the link.
    openat(CWD, path.components().as_path(), DIRECTORY, Mode::empty())
}
