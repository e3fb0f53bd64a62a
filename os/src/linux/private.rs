//! Directories that no other user can access.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{Mode, fchmod};

use super::directory::Directory;
use super::{beneath, status};
use crate::files::FileKind;

impl Directory {
    /// Checks that this directory is private: a directory, owned by our effective user, without
    /// permissions for any other user.
    ///
    /// # Errors
    /// [`io::ErrorKind::PermissionDenied`]; the text says which of the three does not hold.
    pub fn require_private(&self) -> io::Result<()> {
        let stat = self.stat()?;
        let us = rustix::process::geteuid().as_raw();
        let fault = if stat.kind != FileKind::Directory {
            "it is not a directory".to_owned()
        } else if stat.owner != us {
            format!("it belongs to user {}, not to user {us}", stat.owner)
        } else if stat.mode & 0o077 != 0 {
            format!("its mode {:04o} allows other users access", stat.mode)
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::PermissionDenied, fault))
    }
}

/// Opens the private directory at `path`, or creates it with mode 0700 if there is none. Its parent
/// must exist.
///
/// # Errors
/// It is a symbolic link or not a directory ([`io::ErrorKind::NotADirectory`]); it belongs to
/// another user or allows other users access ([`io::ErrorKind::PermissionDenied`], the text says
/// which); or it cannot be created.
pub fn private_directory(path: &Path) -> io::Result<Directory> {
    let made = match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error),
    };
    let directory = match Directory::open(path) {
        Err(error) if made && error.kind() == io::ErrorKind::PermissionDenied => {
            // The umask removed some of our own permissions.
            open_up(path)?;
            Directory::open(path)
        }
        answer => answer,
    };
    let directory = directory.map_err(|error| explain(path, error))?;
    directory.require_private()?;
    if made {
        // The umask may have removed some of our own permissions; other users have none already.
        fchmod(&directory, Mode::RWXU)?;
    }
    Ok(directory)
}

fn open_up(path: &Path) -> io::Result<()> {
    let pinned = beneath::pin(rustix::fs::CWD, path.components().as_path())?;
    let stat = status::of(&pinned)?;
    // Another process may have put another directory in its place.
    if stat.kind != FileKind::Directory || stat.owner != rustix::process::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(beneath::change_mode(&pinned, 0o700)?)
}

/// The kernel reports "not a directory" for a link, which is misleading.
fn explain(path: &Path, error: io::Error) -> io::Error {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            io::Error::new(io::ErrorKind::NotADirectory, "it is a symbolic link")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use backstop_suites::{Suite, skip};

    #[test]
    fn it_is_created_once_and_then_opened() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("private");
        let first = private_directory(&path).unwrap();
        let second = private_directory(&path).unwrap();
        assert_eq!(first.identity().unwrap(), second.identity().unwrap());
        assert_eq!(first.stat().unwrap().mode & 0o777, 0o700);
    }

    #[test]
    fn links_files_and_wide_modes_are_refused_by_name() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::create_dir(at("wide")).unwrap();
        std::fs::set_permissions(at("wide"), Permissions::from_mode(0o750)).unwrap();
        symlink("wide", at("link")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        std::fs::write(at("file"), "").unwrap();
        let refusal = |name: &str| private_directory(&at(name)).unwrap_err().to_string();
        assert_eq!(refusal("wide"), "its mode 0750 allows other users access");
        assert_eq!(refusal("link"), "it is a symbolic link");
        assert_eq!(refusal("dangling"), "it is a symbolic link");
        private_directory(&at("file")).unwrap_err();
        assert!(!at("nowhere").exists());
    }

    #[test]
    fn the_umask_does_not_matter() {
        const PLACE: &str = "BACKSTOP_TEST_UMASK_PLACE";
        if let Some(place) = std::env::var_os(PLACE) {
            rustix::process::umask(Mode::from_raw_mode(0o777));
            let first = private_directory(&Path::new(&place).join("private")).unwrap();
            let second = first.create_beneath("inner".as_ref()).unwrap();
            drop(second.create_file_beneath("file".as_ref()).unwrap());
            for mode in [first.stat().unwrap().mode, second.stat().unwrap().mode] {
                assert_eq!(mode & 0o777, 0o700);
            }
            let file = second.stat_beneath("file".as_ref()).unwrap();
            assert_eq!(file.mode, 0o600);
            return;
        }
        let (_, module) = module_path!().split_once("::").unwrap();
        let name = format!("{module}::the_umask_does_not_matter");
        // In a process of its own: the umask is one for all threads.
        let place = tempfile::tempdir().unwrap();
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name])
            .arg("--quiet")
            .env(PLACE, place.path())
            .status();
        assert!(status.unwrap().success());
        assert!(place.path().join("private/inner/file").exists());
    }

    #[test]
    fn another_users_directory_is_refused() {
        if !rustix::process::geteuid().is_root() {
            skip(Suite::OtherUsers, "only root can give a directory away");
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("theirs");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::chown(&path, Some(4242), None).unwrap();
        let refusal = private_directory(&path).unwrap_err().to_string();
        assert_eq!(refusal, "it belongs to user 4242, not to user 0");
    }
}
