//! Exchanges a directory with a link to a victim, as fast as it goes.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Keeps exchanging a directory with a symbolic link to a victim until it is dropped: whoever looks
/// first and acts then, acts on the victim sooner or later.
///
/// The exchange is one `renameat2`: there is no moment at which the name is free.
#[derive(Debug)]
#[must_use = "dropping it ends the attack"]
pub struct SymlinkSwapper {
    directory: PathBuf,
    link: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    swaps: AtomicU64,
}

impl SymlinkSwapper {
    /// Begins to exchange `directory` with a link to `victim` that it makes beside it.
    ///
    /// # Errors
    /// The link cannot be made, or the file system cannot exchange names.
    pub fn start(directory: &Path, victim: &Path) -> io::Result<Self> {
        let mut name = OsString::from(".swapped-");
        name.push(directory.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        let link = directory.with_file_name(name);
        std::os::unix::fs::symlink(victim, &link)?;
        // Once here, so that a file system that cannot is an error and not an attack that never was.
        let able = exchange(directory, &link).and_then(|()| exchange(directory, &link));
        if let Err(error) = able {
            std::fs::remove_file(&link)?;
            return Err(error);
        }
        let shared = Arc::new(Shared::default());
        let thread = {
            let (directory, link) = (directory.to_owned(), link.clone());
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("symlink-swapper".into())
                .spawn(move || {
                    // Relaxed: nothing is published with either.
                    while !shared.stop.load(Ordering::Relaxed) {
                        // One of the names may be missing just now: that is the point.
                        if exchange(&directory, &link).is_ok() {
                            shared.swaps.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })?
        };
        Ok(Self {
            directory: directory.to_owned(),
            link,
            shared,
            thread: Some(thread),
        })
    }

    /// How often the two were exchanged so far. A test that saw none proves nothing.
    #[must_use]
    pub fn swaps(&self) -> u64 {
        self.shared.swaps.load(Ordering::Relaxed)
    }
}

impl Drop for SymlinkSwapper {
    /// Ends the attack: the directory, if it still exists, has its name again, and the link is gone.
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It only exchanges names and cannot panic.
            let _ = thread.join();
        }
        let is_link = |path: &Path| {
            path.symlink_metadata()
                .is_ok_and(|entry| entry.is_symlink())
        };
        if is_link(&self.directory) {
            let _ = std::fs::remove_file(&self.directory);
            let _ = std::fs::rename(&self.link, &self.directory);
        } else if is_link(&self.link) {
            let _ = std::fs::remove_file(&self.link);
        }
    }
}

fn exchange(first: &Path, second: &Path) -> io::Result<()> {
    Ok(renameat_with(
        CWD,
        first,
        CWD,
        second,
        RenameFlags::EXCHANGE,
    )?)
}
