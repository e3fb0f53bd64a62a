//! Exchanges a directory with another one, as fast as possible.

use std::io;
use std::path::Path;

use super::exchange::Exchange;

/// Keeps exchanging a directory with a victim next to it until it is dropped: no link reveals it, and
/// only the identity of the directories differs.
#[derive(Debug)]
#[must_use = "dropping it ends the attack"]
pub struct DirectorySwapper(Exchange);

impl DirectorySwapper {
    /// Begins to exchange `directory` with `victim`.
    ///
    /// # Errors
    /// One of them does not exist, or the file system cannot exchange names.
    pub fn start(directory: &Path, victim: &Path) -> io::Result<Self> {
        Exchange::start(directory, victim).map(Self)
    }

    /// How often the two were exchanged so far. A test that saw none proves nothing.
    #[must_use]
    pub fn swaps(&self) -> u64 {
        self.0.swaps()
    }
}
