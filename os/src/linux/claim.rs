//! Makes sure that an entry is not in use before its age is checked.

use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::directory::Directory;
use super::signs::{self, Signs, Unused};
use super::{beneath, status};
use crate::files::{FileKind, SkipReason, Stat};

/// Proof that no process uses an entry, as far as that is visible. If the entry can be locked, its
/// lock is held until this is dropped.
#[derive(Debug)]
#[must_use = "dropping it releases the lock"]
pub struct Claim {
    stat: Stat,
    is_ours: bool,
    _directory: Option<OwnedFd>,
    file: Option<Unused>,
}

/// Acquires claims. It caches our user and, for a second, which sockets are bound.
#[derive(Debug)]
pub struct Claims {
    signs: Signs,
    us: u32,
}

impl Default for Claims {
    fn default() -> Self {
        Self::new()
    }
}

impl Claims {
    /// A cache without any claims yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            signs: Signs::default(),
            us: crate::user::effective_id(),
        }
    }

    /// Claims `name` in `directory`: a directory or file through its BSD lock, anything else
    /// through the absence of signs of use. With the `hint` that it is a file, it is opened without
    /// a stat first and inspected through the open descriptor.
    ///
    /// # Errors
    /// Why it is skipped: another process holds its lock, it is a mount point, a bound socket, a
    /// device, a file with the sticky bit, or the system refused to inspect it.
    pub fn claim(
        &mut self,
        directory: &Directory,
        name: &OsStr,
        hint: Option<FileKind>,
    ) -> Result<Claim, SkipReason> {
        let failed = |errno: Errno| SkipReason::Failed(errno.raw_os_error());
        let component = beneath::component(name)
            .map_err(|error| SkipReason::Failed(error.raw_os_error().unwrap_or(0)))?;
        let name = component.as_c_str();
        if hint == Some(FileKind::File)
            && let Some(settled) = self.claim_file(directory, name)
        {
            return settled;
        }
        let stat = status::at(directory.as_fd(), name).map_err(failed)?;
        if stat.is_mount_root == Some(true) {
            return Err(SkipReason::MountPoint);
        }
        if stat.kind != FileKind::Directory {
            let unused = self.signs.check(directory.as_fd(), name, &stat)?;
            let stat = match unused.file() {
                // Of the locked file: both the name and the file may have changed since they were
                // inspected.
                Some(file) => status::of(file).map_err(failed)?,
                None => stat,
            };
            return Ok(self.of(stat, None, Some(unused)));
        }
        let opened = match beneath::open(directory.as_fd(), name, beneath::DIRECTORY) {
            Ok(opened) => opened,
            Err(Errno::XDEV) => return Err(SkipReason::MountPoint),
            Err(errno) => return Err(SkipReason::LockUnknown(errno.raw_os_error())),
        };
        signs::lock_directory(opened.as_fd())?;
        // Of the locked file: the name may have changed since it was inspected.
        let stat = status::of(&opened).map_err(failed)?;
        Ok(self.of(stat, Some(opened), None))
    }

    /// Claims a file through its lock, in the fewest calls: open, lock, stat. `None` if that does
    /// not work, for example because the name no longer refers to a file: it is then inspected
    /// before it is opened.
    fn claim_file(&self, directory: &Directory, name: &CStr) -> Option<Result<Claim, SkipReason>> {
        let unused = match Unused::lock(directory.as_fd(), name) {
            Ok(unused) => unused,
            Err(SkipReason::Locked) => return Some(Err(SkipReason::Locked)),
            Err(_) => return None,
        };
        let stat = status::of(unused.file()?).ok()?;
        if stat.kind != FileKind::File || stat.is_mount_root == Some(true) {
            return None;
        }
        if signs::is_sticky(&stat) {
            return Some(Err(SkipReason::Sticky));
        }
        Some(Ok(self.of(stat, None, Some(unused))))
    }

    fn of(&self, stat: Stat, directory: Option<OwnedFd>, file: Option<Unused>) -> Claim {
        Claim {
            is_ours: stat.owner == self.us,
            stat,
            _directory: directory,
            file,
        }
    }
}

impl Claim {
    /// The claimed regular file, kept open: while this claim lives, its inode belongs to no other
    /// file.
    pub(super) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().and_then(Unused::file)
    }

    /// Whether it belongs to our user.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// The facts of the claimed entry, read when it was claimed.
    #[must_use]
    pub fn stat(&self) -> &Stat {
        &self.stat
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Place;
    use super::*;
    use crate::lock;

    #[test]
    fn a_locked_entry_cannot_be_claimed_and_a_claimed_one_is_locked() {
        let place = Place::new();
        place.directory("tree");
        std::fs::write(place.path("file"), "").unwrap();
        let root = place.open();
        for name in ["tree", "file"].map(OsStr::new) {
            let other = std::fs::File::open(place.path(name.to_str().unwrap())).unwrap();
            let claim = Claims::new().claim(&root, name, None).unwrap();
            assert_eq!(
                lock::try_exclusive(&other).unwrap(),
                crate::files::LockAttempt::Held
            );
            drop(claim);
            let _ = lock::try_exclusive(&other).unwrap();
            assert_eq!(
                Claims::new().claim(&root, name, None).unwrap_err(),
                SkipReason::Locked
            );
        }
    }

    #[test]
    fn a_bound_socket_cannot_be_claimed() {
        let place = Place::new();
        let _bound = std::os::unix::net::UnixListener::bind(place.path("claim-socket")).unwrap();
        let refused = Claims::new().claim(&place.open(), OsStr::new("claim-socket"), None);
        assert_eq!(refused.unwrap_err(), SkipReason::LiveSocket);
    }
}
