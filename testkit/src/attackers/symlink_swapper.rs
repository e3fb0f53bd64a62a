//! Exchanges a directory with a link to a victim, as fast as possible.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::exchange::Exchange;

/// Keeps exchanging a directory with a symbolic link to a victim until it is dropped: code that checks a
/// path and then uses it (TOCTOU) acts on the victim sooner or later.
#[derive(Debug)]
#[must_use = "dropping it ends the attack"]
pub struct SymlinkSwapper {
    directory: PathBuf,
    link: PathBuf,
    exchange: Exchange,
}

impl SymlinkSwapper {
    /// Begins to exchange `directory` with a link to `victim` that it creates next to it.
    ///
    /// # Errors
    /// The link cannot be made, or the file system cannot exchange names.
    pub fn start(directory: &Path, victim: &Path) -> io::Result<Self> {
        let mut name = OsString::from(".swapped-");
        name.push(directory.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        let link = directory.with_file_name(name);
        std::os::unix::fs::symlink(victim, &link)?;
        let exchange = Exchange::start(directory, &link).inspect_err(|_| {
            // The error that counts is the first one.
            let _ = std::fs::remove_file(&link);
        })?;
        Ok(Self {
            directory: directory.to_owned(),
            link,
            exchange,
        })
    }

    /// How often the two were exchanged so far. A test that saw none proves nothing.
    #[must_use]
    pub fn swaps(&self) -> u64 {
        self.exchange.swaps()
    }
}

impl Drop for SymlinkSwapper {
    /// Ends the attack: the directory, if it still exists, has its name again, and the link is gone.
    fn drop(&mut self) {
        self.exchange.stop();
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
