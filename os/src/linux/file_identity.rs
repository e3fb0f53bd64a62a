//! Reads the identity of a file.
#![expect(unsafe_code, reason = "name_to_handle_at has no safe form in rustix")]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::SystemTime;

use rustix::io::Errno;

use super::status;
use crate::files::Stat;
use crate::identity::FileIdentity;

/// The kernel's limit for a handle's bytes (`MAX_HANDLE_SZ`).
const MOST: usize = 128;
/// Linux 6.5: a handle for comparison, which need not be usable for opening. Overlay file systems
/// only have those.
const AT_HANDLE_FID: libc::c_int = 0x200;

/// `struct file_handle`, with room for the longest.
#[repr(C)]
struct RawHandle {
    size: libc::c_uint,
    kind: libc::c_int,
    bytes: [u8; MOST],
}

/// The identity of an open file.
pub(super) fn of(file: BorrowedFd<'_>) -> io::Result<FileIdentity> {
    Ok(build(
        &status::of(file)?,
        handle(file, c"", libc::AT_EMPTY_PATH)?,
    ))
}

/// The identity of `name` in `directory`; for a link, of the link itself.
pub(super) fn at(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<FileIdentity> {
    // Pinned first, so that facts and handle belong to one file even while the name changes.
    let pinned = super::beneath::pin(directory, name)?;
    of(pinned.as_fd())
}

fn build(stat: &Stat, handle: Option<(i32, Vec<u8>)>) -> FileIdentity {
    let nanoseconds = |time: SystemTime| match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    };
    FileIdentity {
        device: stat.device,
        inode: stat.inode,
        birth: stat.born.map(nanoseconds),
        handle,
    }
}

fn handle(
    file: BorrowedFd<'_>,
    name: &CStr,
    flags: libc::c_int,
) -> io::Result<Option<(i32, Vec<u8>)>> {
    let found = match raw_handle(file, name, flags) {
        Err(Errno::OPNOTSUPP) => raw_handle(file, name, flags | AT_HANDLE_FID),
        answer => answer,
    };
    match found {
        Ok((kind, bytes)) if says_generation(kind, &bytes) => Ok(Some((kind, bytes))),
        Ok(_) => Ok(None),
        // INVAL: a kernel that does not know the second flag. PERM and NOSYS: a container's filter.
        Err(Errno::OPNOTSUPP | Errno::OVERFLOW | Errno::INVAL | Errno::PERM | Errno::NOSYS) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn raw_handle(
    file: BorrowedFd<'_>,
    name: &CStr,
    flags: libc::c_int,
) -> Result<(i32, Vec<u8>), Errno> {
    let mut raw = RawHandle {
        size: MOST as libc::c_uint,
        kind: 0,
        bytes: [0; MOST],
    };
    let mut mount: libc::c_int = 0;
    // SAFETY: the name ends with a zero byte, `raw` has the layout of `struct file_handle` with the
    // room stated in `size`, and `mount` is an int to write to; all outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_name_to_handle_at,
            file.as_raw_fd(),
            name.as_ptr(),
            &raw mut raw,
            &raw mut mount,
            flags,
        )
    };
    if result != 0 {
        return Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO));
    }
    let length = MOST.min(raw.size as usize);
    Ok((raw.kind, raw.bytes[..length].to_vec()))
}

/// Whether a handle of one of the kernel's generic kinds has a generation: file systems that keep
/// none (most FUSE ones) report 0, and the handle is then no more than the inode.
fn says_generation(kind: i32, bytes: &[u8]) -> bool {
    const INODE_32: i32 = 0x01;
    const INODE_64: i32 = 0x81;
    let generation = match kind {
        INODE_32 => bytes.get(4..8),
        INODE_64 => bytes.get(8..12),
        _ => return true,
    };
    generation.is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use backstop_suites::{Suite, skip};

    #[test]
    fn a_successor_with_the_same_inode_has_another_identity() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut reused = 0;
        for _ in 0..50 {
            std::fs::write(&path, "first").unwrap();
            let first = of(std::fs::File::open(&path).unwrap().as_fd()).unwrap();
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, "second").unwrap();
            let second = of(std::fs::File::open(&path).unwrap().as_fd()).unwrap();
            reused += u32::from(first.inode == second.inode);
            // Where the handle proves nothing, nothing is ever removed by it: see `is_strong`.
            if !first.is_strong() {
                return skip(
                    Suite::InodeReuse,
                    "this file system's handles prove nothing",
                );
            }
            assert_ne!(first, second);
        }
        if reused == 0 {
            let reason = "the file system gave none of 50 inodes to a successor";
            skip(Suite::InodeReuse, reason);
        }
    }

    #[test]
    fn a_rename_and_a_mode_change_keep_the_identity() {
        let directory = tempfile::tempdir().unwrap();
        let (before, after) = (directory.path().join("a"), directory.path().join("b"));
        std::fs::create_dir(&before).unwrap();
        let first = of(std::fs::File::open(&before).unwrap().as_fd()).unwrap();
        std::fs::rename(&before, &after).unwrap();
        std::fs::write(after.join("member"), "x").unwrap();
        let parent = std::fs::File::open(directory.path()).unwrap();
        assert_eq!(at(parent.as_fd(), c"b").unwrap(), first);
    }

    #[test]
    fn a_generic_handle_without_generation_proves_nothing() {
        assert!(!says_generation(1, &[9, 0, 0, 0, 0, 0, 0, 0]));
        assert!(says_generation(1, &[9, 0, 0, 0, 1, 0, 0, 0]));
        assert!(says_generation(0x4d, &[0; 20]));
    }
}
