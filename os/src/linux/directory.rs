//! A directory handle that is unaffected by changes of the directory's name.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, RenameFlags, fchmod, fsync, mkdirat, openat, renameat_with};
use rustix::io::Errno;

use super::{beneath, file_identity, status};
use crate::files::{FileKind, OpenMode, Stat};
use crate::identity::FileIdentity;

pub use super::listing::Entries;

/// An open directory. Entries are reached from it by a single name, so that neither a link nor a
/// renamed parent can redirect the access.
///
/// Names are single components: a name with a slash, an empty one, `.` and `..` are refused with
/// [`io::ErrorKind::InvalidInput`].
#[derive(Debug)]
pub struct Directory(OwnedFd);

impl Directory {
    /// Opens the directory at `path`. Links before the last component are followed: a caller that
    /// does not trust them opens step by step with [`Directory::open_beneath`].
    ///
    /// # Errors
    /// The last component is a symbolic link or not a directory, or cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(beneath::open_path(path)?))
    }

    /// Opens the directory `name` in this one.
    ///
    /// # Errors
    /// It is a symbolic link, not a directory, a mount point, or cannot be read.
    pub fn open_beneath(&self, name: &OsStr) -> io::Result<Self> {
        let name = beneath::component(name)?;
        Ok(Self(beneath::open(
            self.as_fd(),
            name.as_c_str(),
            beneath::DIRECTORY,
        )?))
    }

    /// Creates the directory `name` with mode 0700, whatever the umask, and opens it.
    ///
    /// # Errors
    /// The name exists; the disk is full or permission is missing; or another process replaced the
    /// new directory before it was open.
    pub fn create_beneath(&self, name: &OsStr) -> io::Result<Self> {
        let component = beneath::component(name)?;
        mkdirat(self.as_fd(), component.as_c_str(), Mode::RWXU)?;
        let opened = match self.open_beneath(name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                // The umask removed some of the owner's own permissions.
                let pinned = beneath::pin(self.as_fd(), component.as_c_str())?;
                require_ours(&status::of(&pinned)?)?;
                beneath::change_mode(&pinned, 0o700)?;
                self.open_beneath(name)?
            }
            answer => answer?,
        };
        let stat = opened.stat()?;
        require_ours(&stat)?;
        if stat.mode & 0o777 != 0o700 {
            fchmod(&opened.0, Mode::RWXU)?;
        }
        Ok(opened)
    }

    /// Creates the file `name` with mode 0600, whatever the umask, open for reading and writing.
    ///
    /// # Errors
    /// The name exists, even as a dangling link; the disk is full or permission is missing.
    pub fn create_file_beneath(&self, name: &OsStr) -> io::Result<File> {
        let name = beneath::component(name)?;
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let opened = openat(self.as_fd(), name.as_c_str(), flags, mode)?;
        fchmod(&opened, mode)?;
        Ok(File::from(opened))
    }

    /// Opens the regular file `name`.
    ///
    /// # Errors
    /// It is a symbolic link, a mount point, or anything but a regular file, which is not opened
    /// even briefly unless the name changes in the meantime; or permission is missing.
    pub fn open_file_beneath(&self, name: &OsStr, access: OpenMode) -> io::Result<File> {
        let name = beneath::component(name)?;
        require_file(&status::at(self.as_fd(), name.as_c_str())?)?;
        let access = match access {
            OpenMode::Read => OFlags::RDONLY,
            OpenMode::ReadWrite => OFlags::RDWR,
        };
        // NONBLOCK and NOCTTY: in case the name has become a pipe or a terminal.
        let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = beneath::open(self.as_fd(), name.as_c_str(), flags)?;
        require_file(&status::of(&opened)?)?;
        Ok(File::from(opened))
    }

    /// The facts about this directory.
    ///
    /// # Errors
    /// The file system's, such as a lost network server.
    pub fn stat(&self) -> io::Result<Stat> {
        Ok(status::of(&self.0)?)
    }

    /// The facts about `name`; for a link, about the link itself.
    ///
    /// # Errors
    /// There is no such name, or permission is missing.
    pub fn stat_beneath(&self, name: &OsStr) -> io::Result<Stat> {
        let name = beneath::component(name)?;
        Ok(status::at(self.as_fd(), name.as_c_str())?)
    }

    /// The identity of this directory, for a recipe. If the file system provides no handle, the
    /// identity is not [strong](FileIdentity::is_strong).
    ///
    /// # Errors
    /// As [`Directory::stat`].
    pub fn identity(&self) -> io::Result<FileIdentity> {
        file_identity::of(self.as_fd())
    }

    /// The identity of `name`; for a link, of the link itself.
    ///
    /// # Errors
    /// As [`Directory::stat_beneath`].
    pub fn identity_beneath(&self, name: &OsStr) -> io::Result<FileIdentity> {
        file_identity::at(self.as_fd(), &beneath::component(name)?)
    }

    /// The names in this directory.
    ///
    /// # Errors
    /// The directory cannot be opened again for reading, or no file descriptor is available.
    pub fn entries(&self) -> io::Result<Entries> {
        // Opened again, because the position in a listing belongs to the open file.
        Ok(Entries::new(beneath::open_pinned(&self.0)?))
    }

    /// Moves `name` into `target` as `new_name`, unless that name exists.
    ///
    /// # Errors
    /// The new name exists ([`io::ErrorKind::AlreadyExists`]), the target is on another file system
    /// or mount, the file system does not support renaming without replacement, or permission is
    /// missing.
    pub fn rename_into(&self, name: &OsStr, target: &Self, new_name: &OsStr) -> io::Result<()> {
        let (name, new_name) = (beneath::component(name)?, beneath::component(new_name)?);
        Ok(renameat_with(
            self.as_fd(),
            name.as_c_str(),
            target.as_fd(),
            new_name.as_c_str(),
            RenameFlags::NOREPLACE,
        )?)
    }

    /// Moves `name` into `target` as `new_name`, replacing any file of that name atomically: a
    /// reader opens either the old or the new file, complete.
    ///
    /// # Errors
    /// The new name is a directory's, the target is on another file system or mount, or permission
    /// is missing.
    pub fn rename_over(&self, name: &OsStr, target: &Self, new_name: &OsStr) -> io::Result<()> {
        let (name, new_name) = (beneath::component(name)?, beneath::component(new_name)?);
        Ok(renameat_with(
            self.as_fd(),
            name.as_c_str(),
            target.as_fd(),
            new_name.as_c_str(),
            RenameFlags::empty(),
        )?)
    }

    /// Opens this directory once more, as a separate open file with its own lock, for the lease of
    /// a ledger.
    ///
    /// # Errors
    /// No file descriptor is available, or the directory cannot be read.
    pub fn open_again(&self) -> io::Result<File> {
        Ok(File::from(beneath::open_pinned(&self.0)?))
    }

    /// Flushes the directory's entries to disk.
    ///
    /// # Errors
    /// The disk reported an error.
    pub fn sync(&self) -> io::Result<()> {
        Ok(fsync(&self.0)?)
    }

    /// Unlinks a file, link or socket; a directory is kept.
    ///
    /// # Errors
    /// There is no such name, it is a directory, or permission is missing.
    pub fn unlink_beneath(&self, name: &OsStr) -> io::Result<()> {
        let name = beneath::component(name)?;
        let flags = rustix::fs::AtFlags::empty();
        Ok(rustix::fs::unlinkat(self.as_fd(), name.as_c_str(), flags)?)
    }

    /// Removes the empty directory `name`; anything else is kept.
    ///
    /// # Errors
    /// It is not empty ([`io::ErrorKind::DirectoryNotEmpty`]), not a directory, does not exist, or
    /// permission is missing.
    pub fn remove_empty_beneath(&self, name: &OsStr) -> io::Result<()> {
        let name = beneath::component(name)?;
        let flags = rustix::fs::AtFlags::REMOVEDIR;
        Ok(rustix::fs::unlinkat(self.as_fd(), name.as_c_str(), flags)?)
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Between the creation of a directory and its opening, another process with permission on the
/// parent can put its own directory in its place.
fn require_ours(stat: &Stat) -> io::Result<()> {
    let us = rustix::process::geteuid().as_raw();
    if stat.kind == FileKind::Directory && stat.owner == us {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "the new directory was replaced by another user's",
    ))
}

fn require_file(stat: &Stat) -> io::Result<()> {
    match stat.kind {
        FileKind::File => Ok(()),
        FileKind::Symlink => Err(Errno::LOOP.into()),
        other => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("not a regular file: {other:?}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn name(text: &str) -> &OsStr {
        OsStr::new(text)
    }

    #[test]
    fn a_link_is_not_a_directory_however_it_is_written() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("real")).unwrap();
        symlink("real", place.path().join("link")).unwrap();
        Directory::open(&place.path().join("real/")).unwrap();
        for path in ["link", "link/", "link/.", "link//./"] {
            Directory::open(&place.path().join(path)).unwrap_err();
        }
        let directory = Directory::open(place.path()).unwrap();
        directory.open_beneath(name("real")).unwrap();
        directory.open_beneath(name("link")).unwrap_err();
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        for bad in ["", ".", "..", "a/b", "/tmp", "a\0b"] {
            let error = directory.open_beneath(name(bad)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{bad:?}");
        }
    }

    #[test]
    fn created_entries_are_private_and_created_once() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        let made = directory.create_beneath(name("d")).unwrap();
        assert_eq!(made.stat().unwrap().mode & 0o777, 0o700);
        let again = directory.create_beneath(name("d")).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        made.create_file_beneath(name("f")).unwrap();
        assert_eq!(made.stat_beneath(name("f")).unwrap().mode, 0o600);
        symlink("nowhere", place.path().join("dangling")).unwrap();
        directory.create_file_beneath(name("dangling")).unwrap_err();
        assert!(!place.path().join("nowhere").exists());
        made.open_file_beneath(name("f"), OpenMode::ReadWrite)
            .unwrap();
    }

    #[test]
    fn only_regular_files_are_opened_as_files() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        rustix::fs::mkfifoat(directory.as_fd(), "pipe", Mode::RWXU).unwrap();
        symlink("/etc/passwd", place.path().join("link")).unwrap();
        for bad in ["pipe", "link"] {
            directory
                .open_file_beneath(name(bad), OpenMode::Read)
                .unwrap_err();
        }
    }

    #[test]
    fn a_rename_replaces_nothing() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        for file in ["a", "b"] {
            std::fs::write(place.path().join(file), file).unwrap();
        }
        let error = directory
            .rename_into(name("a"), &directory, name("b"))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(place.path().join("b")).unwrap(), b"b");
        directory
            .rename_into(name("a"), &directory, name("c"))
            .unwrap();
    }

    #[test]
    fn every_name_is_listed_once_each_time() {
        let place = tempfile::tempdir().unwrap();
        let wanted: BTreeSet<String> = (0..3000).map(|n| format!("file-{n}")).collect();
        for file in &wanted {
            std::fs::write(place.path().join(file), "").unwrap();
        }
        let directory = Directory::open(place.path()).unwrap();
        for _ in 0..2 {
            let names: Vec<_> = directory
                .entries()
                .unwrap()
                .map(|entry| entry.unwrap().name.into_string().unwrap())
                .collect();
            assert_eq!(names.len(), wanted.len());
            assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), wanted);
        }
    }

    #[test]
    fn the_stat_of_a_link_is_its_own() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), vec![1_u8; 10_000]).unwrap();
        std::fs::hard_link(place.path().join("file"), place.path().join("other")).unwrap();
        symlink("file", place.path().join("link")).unwrap();
        let mode = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(place.path().join("file"), mode).unwrap();
        let directory = Directory::open(place.path()).unwrap();
        let file = directory.stat_beneath(name("file")).unwrap();
        assert_eq!((file.kind, file.mode), (FileKind::File, 0o640));
        assert_eq!((file.len, file.links), (10_000, 2));
        assert_ne!(file.is_mount_root, Some(true));
        let link = directory.stat_beneath(name("link")).unwrap();
        assert_eq!(link.kind, FileKind::Symlink);
        assert_ne!(
            directory.identity_beneath(name("link")).unwrap(),
            directory.identity_beneath(name("file")).unwrap()
        );
    }
}
