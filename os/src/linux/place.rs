//! A place for tests: a root to remove from, and next to it a victim that must survive.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::directory::Directory;
use crate::files::{Removal, WalkLimits};

/// A temporary directory with a root and a victim.
pub(super) struct Place {
    directory: tempfile::TempDir,
    root: PathBuf,
}

impl Place {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let place = Self { directory, root };
        std::fs::create_dir(place.victim()).unwrap();
        std::fs::write(place.victim().join("precious"), "data").unwrap();
        place
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn open(&self) -> Directory {
        Directory::open(&self.root).unwrap()
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Creates a directory in the root, including its parents.
    pub(super) fn directory(&self, relative: &str) -> PathBuf {
        let path = self.path(relative);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    pub(super) fn remove(&self, name: &str, limits: &WalkLimits) -> Removal {
        super::removal::remove_tree(&self.open(), OsStr::new(name), limits)
    }

    /// Calls `act` while a thread keeps exchanging the two names atomically.
    pub(super) fn while_exchanging(&self, first: &str, second: &str, act: impl FnOnce()) {
        let stop = AtomicBool::new(false);
        let (first, second) = (self.path(first), self.path(second));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Relaxed: nothing is published with it.
                while !stop.load(Ordering::Relaxed) {
                    // One of them may be missing at this moment.
                    let _ = renameat_with(CWD, &first, CWD, &second, RenameFlags::EXCHANGE);
                }
            });
            // Even if `act` panics: the scope waits for the thread.
            let _stop = Stop(&stop);
            act();
        });
    }

    pub(super) fn victim(&self) -> PathBuf {
        self.directory.path().join("victim")
    }

    pub(super) fn assert_victim_intact(&self) {
        let precious = self.victim().join("precious");
        assert_eq!(std::fs::read(precious).unwrap(), b"data");
    }
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A tmpfs that is unmounted at the end, even if the test fails.
pub(super) struct Mount(PathBuf);

impl Mount {
    /// `None` where mounting is not allowed.
    pub(super) fn tmpfs(path: &Path) -> Option<Self> {
        let status = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "backstop-test"])
            .arg(path)
            .stderr(std::process::Stdio::null())
            .status();
        matches!(status, Ok(status) if status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}
