//! The proof that a ledger's owner is alive: a kernel lock, which the kernel releases at its death.

use std::fs::File;
use std::os::fd::AsFd;

use backstop_os::files::LockAttempt;
use backstop_os::lock;

/// A lock on a ledger, held until dropped or until the process ends, however it ends.
///
/// It is neither a heartbeat nor a PID: there is no time-out to choose and no clock to trust. It is
/// a BSD lock, which systemd-tmpfiles respects too. A child that forks without exec shares it; the
/// C library's fork closes the child's copy, and a copy that survives nevertheless only keeps the
/// ledger from being swept.
#[derive(Debug)]
#[must_use = "dropping it marks the owner as dead"]
pub struct Lease {
    // Dropped first: once the file is closed its number may be reused, and a child forked then
    // would close an unrelated descriptor.
    #[cfg(all(target_os = "linux", not(backstop_os_unsupported)))]
    _closed_in_child: Option<backstop_os::fork::ClosedInChild>,
    file: File,
}

/// The result of trying to acquire a lease.
#[derive(Debug)]
pub enum LeaseAttempt {
    /// It was free; we hold it now.
    Won(Lease),
    /// It is held, and the file is returned: its owner, or a fork of it, is alive.
    Held(File),
}

impl Lease {
    /// Acquires the lock on `file` if it is free.
    ///
    /// # Errors
    /// The file system cannot lock: the state of the owner is unknown, and the caller must not act.
    pub fn attempt(file: File) -> std::io::Result<LeaseAttempt> {
        Ok(match lock::try_exclusive(file.as_fd())? {
            LockAttempt::Won => LeaseAttempt::Won(Self::holding(file)),
            LockAttempt::Held => LeaseAttempt::Held(file),
        })
    }

    /// Waits until the lock is free, which is the moment the owner ends or dies.
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
