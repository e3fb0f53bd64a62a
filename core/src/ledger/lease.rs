//! The proof that a ledger's owner is alive: a kernel lock, which the kernel drops at its death.

use std::fs::File;
use std::os::fd::AsFd;

use backstop_os::files::LockAttempt;
use backstop_os::lock;

/// A lock on a ledger, held until dropped or until the process ends, however it ends.
///
/// It is no heartbeat and no process number: there is no time-out to choose and no clock to trust. It
/// is a BSD lock, which systemd-tmpfiles respects too. A child that forks without exec shares it; the
/// C library's fork closes the child's copy, and a copy that survives all the same keeps the ledger
/// from being swept, never the other way round.
#[derive(Debug)]
#[must_use = "dropping it tells everyone that the owner is gone"]
pub struct Lease {
    // Dropped first: once the file is closed its number is anyone's, and a child forked then would
    // close a stranger's descriptor.
    #[cfg(all(target_os = "linux", not(backstop_os_unsupported)))]
    _closed_in_child: Option<backstop_os::fork::ClosedInChild>,
    file: File,
}

/// What came of asking for a lease.
#[derive(Debug)]
pub enum LeaseAttempt {
    /// Nobody held it; it is ours now.
    Won(Lease),
    /// Someone holds it, and the file is given back: its owner is alive, or a fork of it is.
    Held(File),
}

impl Lease {
    /// Takes the lock on `file` if nobody holds it.
    ///
    /// # Errors
    /// The file system cannot lock: then nothing is known of the owner, and nobody may act.
    pub fn attempt(file: File) -> std::io::Result<LeaseAttempt> {
        Ok(match lock::try_exclusive(file.as_fd())? {
            LockAttempt::Won => LeaseAttempt::Won(Self::holding(file)),
            LockAttempt::Held => LeaseAttempt::Held(file),
        })
    }

    /// Waits until nobody holds the lock, which is the instant of the owner's death or end.
    ///
    /// # Errors
    /// As for [`attempt`](Self::attempt).
    pub fn wait(file: File) -> std::io::Result<Self> {
        lock::exclusive_blocking(file.as_fd())?;
        Ok(Self::holding(file))
    }

    fn holding(file: File) -> Self {
        Self {
            #[cfg(all(target_os = "linux", not(backstop_os_unsupported)))]
            _closed_in_child: backstop_os::fork::close_in_child(file.as_fd()),
            file,
        }
    }

    /// The locked file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}
