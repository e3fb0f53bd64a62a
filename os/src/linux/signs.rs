//! Signs that a file is in use.

use std::collections::HashSet;
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{beneath, lock};
use crate::files::{FileKind, LockAttempt, SkipReason, Stat};

/// A cache of the bound sockets, read at most once a second.
#[derive(Debug, Default)]
pub(super) struct Signs {
    sockets: Option<(Instant, Option<HashSet<Vec<u8>>>)>,
}

/// No process uses the file, as far as that is visible; an acquired lock is held until this is
/// dropped.
#[derive(Debug)]
pub(super) struct Unused {
    lock: Option<OwnedFd>,
}

impl Unused {
    /// Opens and locks a file.
    pub(super) fn lock(directory: BorrowedFd<'_>, name: &CStr) -> Result<Self, SkipReason> {
        Ok(Self {
            lock: Some(lock_file(directory, name)?),
        })
    }

    /// The locked file itself, if it is a regular one.
    pub(super) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.lock.as_ref().map(std::os::fd::AsFd::as_fd)
    }
}

impl Signs {
    /// Checks `name`, which is not a directory, for signs of use.
    pub(super) fn check(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &CStr,
        stat: &Stat,
    ) -> Result<Unused, SkipReason> {
        let lock = match stat.kind {
            FileKind::Device => return Err(SkipReason::Device),
            FileKind::Socket if self.is_bound(name) => return Err(SkipReason::LiveSocket),
            FileKind::File if is_sticky(stat) => return Err(SkipReason::Sticky),
            FileKind::File => Some(lock_file(directory, name)?),
            _ => None,
        };
        Ok(Unused { lock })
    }

    /// Whether a socket of this name is bound, in any directory: a process may have bound it by a
    /// relative path, in another root, or before a parent was renamed, so that the path in
    /// `/proc/net/unix` is not the one we see. Unknown counts as bound. Sockets of other network
    /// namespaces are not listed.
    fn is_bound(&mut self, name: &CStr) -> bool {
        let fresh = |read: &Instant| read.elapsed() < Duration::from_secs(1);
        if !self.sockets.as_ref().is_some_and(|(read, _)| fresh(read)) {
            self.sockets = Some((Instant::now(), bound_names()));
        }
        match &self.sockets {
            Some((_, Some(names))) => names.contains(name.to_bytes()),
            _ => true,
        }
    }
}

/// Whether a file has the sticky bit, by which users protect files from cleaners.
pub(super) fn is_sticky(stat: &Stat) -> bool {
    stat.mode & 0o1000 != 0
}

/// Acquires the lock of a directory that is open.
pub(super) fn lock_directory(directory: BorrowedFd<'_>) -> Result<(), SkipReason> {
    match lock::try_exclusive(directory) {
        Ok(LockAttempt::Won) => Ok(()),
        Ok(LockAttempt::Held) => Err(SkipReason::Locked),
        Err(error) => Err(SkipReason::LockUnknown(error.raw_os_error().unwrap_or(0))),
    }
}

fn lock_file(directory: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, SkipReason> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let unknown = |error: Errno| SkipReason::LockUnknown(error.raw_os_error());
    let file = beneath::open(directory, name, flags).map_err(unknown)?;
    use std::os::fd::AsFd;
    lock_directory(file.as_fd())?;
    Ok(file)
}

/// The last components of all paths in `/proc/net/unix`.
fn bound_names() -> Option<HashSet<Vec<u8>>> {
    let text = std::fs::read("/proc/net/unix").ok()?;
    let lines = text.split(|byte| *byte == b'\n').skip(1);
    // Seven columns, then the path, which may contain spaces; a name with a line break is cut, and
    // such a socket is not recognised as bound.
    let last_component = |line: &[u8]| {
        let start = line.iter().position(|byte| matches!(byte, b'/'));
        let path = match start {
            Some(start) => &line[start..],
            // Bound by a relative path without a slash: the last column.
            None => line.rsplit(|byte| *byte == b' ').next()?,
        };
        path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec)
    };
    Some(lines.filter_map(last_component).collect())
}
