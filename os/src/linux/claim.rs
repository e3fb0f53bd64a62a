//! Making sure that nobody uses an entry before its age is looked at.

use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::directory::Directory;
use super::signs::{self, Signs, Unused};
use super::{beneath, status};
use crate::files::{FileKind, SkipReason, Stat};

/// The word that nobody uses an entry, as far as can be seen. Where the entry can be locked, its lock
/// is ours until this is dropped.
#[derive(Debug)]
#[must_use = "dropping it lets others have the lock"]
pub struct Claim {
    stat: Stat,
    is_ours: bool,
    _directory: Option<OwnedFd>,
    file: Option<Unused>,
}

/// Takes claims, and remembers who we are, and which sockets are bound for a second.
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
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            signs: Signs::default(),
            us: crate::user::effective_id(),
        }
    }

    /// Claims `name` in `directory`: a directory or file by its BSD lock, anything else by the lack of
    /// signs of use. With the `hint` that it is a file, it is opened without a look first, and looked at
    /// through what is open.
    ///
    /// # Errors
    /// Why it is left alone: somebody holds its lock, it is mounted, a bound socket, a device, a file
    /// with the sticky bit, or the system refused a look.
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
            let unused = self.signs.look(directory.as_fd(), name, &stat)?;
            let stat = match unused.file() {
                // Of what is locked: the name may have changed since it was looked at, and the file.
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
        // Of what is locked: the name may have changed since it was looked at.
        let stat = status::of(&opened).map_err(failed)?;
        Ok(self.of(stat, Some(opened), None))
    }

    /// Claims a file by its lock, in the fewest calls: opened, locked, looked at. `None` if that is not
    /// how it goes, such as for a name that is no file any more: then it takes a look before it is opened.
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
    /// The claimed regular file, held open: its inode belongs to no other file while this claim lives.
    pub(super) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().and_then(Unused::file)
    }

    /// Whether it belongs to our user.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// The facts of the claimed entry, read when it was claimed already.
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
    fn what_somebody_locked_cannot_be_claimed_and_what_is_claimed_is_locked() {
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
