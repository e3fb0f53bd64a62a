//! Making sure that nobody uses an entry before its age is looked at.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::directory::Directory;
use super::signs::{self, Signs};
use super::{beneath, status};
use crate::os::files::{FileKind, SkipReason, Stat};

/// The word that nobody uses an entry, as far as can be seen. Where the entry can be locked, its lock
/// is ours until this is dropped.
#[derive(Debug)]
#[must_use = "dropping it lets others have the lock"]
pub struct Claim {
    stat: Stat,
    _directory: Option<OwnedFd>,
    file: Option<signs::Unused>,
}

/// Takes claims, and remembers which sockets are bound for a second.
#[derive(Debug, Default)]
pub struct Claims(Signs);

impl Claims {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Claims `name` in `directory`: a directory or file by its BSD lock, anything else by the lack of
    /// signs of use.
    ///
    /// # Errors
    /// Why it is left alone: somebody holds its lock, it is mounted, a bound socket, a device, a file
    /// with the sticky bit, or the system refused a look.
    pub fn claim(&mut self, directory: &Directory, name: &OsStr) -> Result<Claim, SkipReason> {
        let failed = |errno: rustix::io::Errno| SkipReason::Failed(errno.raw_os_error());
        let component = beneath::component(name)
            .map_err(|error| SkipReason::Failed(error.raw_os_error().unwrap_or(0)))?;
        let name = component.as_c_str();
        let stat = status::at(directory.as_fd(), name).map_err(failed)?;
        if stat.is_mount_root == Some(true) {
            return Err(SkipReason::MountPoint);
        }
        if stat.kind != FileKind::Directory {
            let file = self.0.look(directory.as_fd(), name, &stat)?;
            return Ok(Claim {
                stat,
                _directory: None,
                file: Some(file),
            });
        }
        let opened = match beneath::open(directory.as_fd(), name, beneath::DIRECTORY) {
            Ok(opened) => opened,
            Err(rustix::io::Errno::XDEV) => return Err(SkipReason::MountPoint),
            Err(errno) => return Err(SkipReason::LockUnknown(errno.raw_os_error())),
        };
        signs::lock_directory(opened.as_fd())?;
        Ok(Claim {
            // Of what is locked: the name may have changed since it was looked at.
            stat: status::of(&opened).map_err(failed)?,
            _directory: Some(opened),
            file: None,
        })
    }
}

impl Claim {
    /// The claimed regular file, held open: its inode belongs to no other file while this claim lives.
    pub(super) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().and_then(signs::Unused::file)
    }

    /// The facts of the claimed entry.
    #[must_use]
    pub fn stat(&self) -> &Stat {
        &self.stat
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Place;
    use super::*;
    use crate::os::lock;

    #[test]
    fn what_somebody_locked_cannot_be_claimed_and_what_is_claimed_is_locked() {
        let place = Place::new();
        place.directory("tree");
        std::fs::write(place.path("file"), "").unwrap();
        let root = place.open();
        for name in ["tree", "file"].map(OsStr::new) {
            let other = std::fs::File::open(place.path(name.to_str().unwrap())).unwrap();
            let claim = Claims::new().claim(&root, name).unwrap();
            assert_eq!(
                lock::try_exclusive(&other).unwrap(),
                crate::os::files::LockAttempt::Held
            );
            drop(claim);
            let _ = lock::try_exclusive(&other).unwrap();
            assert_eq!(
                Claims::new().claim(&root, name).unwrap_err(),
                SkipReason::Locked
            );
        }
    }

    #[test]
    fn a_bound_socket_cannot_be_claimed() {
        let place = Place::new();
        let _bound = std::os::unix::net::UnixListener::bind(place.path("claim-socket")).unwrap();
        let refused = Claims::new().claim(&place.open(), OsStr::new("claim-socket"));
        assert_eq!(refused.unwrap_err(), SkipReason::LiveSocket);
    }
}
