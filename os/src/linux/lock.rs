//! BSD locks on open files.
//!
//! The lock belongs to the open file rather than to the process: a forked child holds it too,
//! closing another descriptor of the same file does not drop it (as it does with POSIX locks), and
//! the kernel drops it when the last copy is closed, however the process ends.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

use crate::files::LockAttempt;

/// Tries to acquire the exclusive lock, without waiting.
///
/// # Errors
/// Any failure but "another process holds it": the file system has no locks, or the kernel is out
/// of memory. An error says nothing about the lock.
pub fn try_exclusive(file: impl AsFd) -> io::Result<LockAttempt> {
    attempt(file, FlockOperation::NonBlockingLockExclusive)
}

/// Tries to acquire a shared lock, without waiting.
///
/// # Errors
/// As [`try_exclusive`].
pub fn try_shared(file: impl AsFd) -> io::Result<LockAttempt> {
    attempt(file, FlockOperation::NonBlockingLockShared)
}

/// Waits for the exclusive lock without a limit; a signal does not end the wait.
///
/// # Errors
/// The file system has no locks, or the kernel is out of memory.
pub fn exclusive_blocking(file: impl AsFd) -> io::Result<()> {
    Ok(retry_on_intr(|| {
        flock(file.as_fd(), FlockOperation::LockExclusive)
    })?)
}

fn attempt(file: impl AsFd, operation: FlockOperation) -> io::Result<LockAttempt> {
    // On network file systems, even a non-blocking attempt can be interrupted.
    match retry_on_intr(|| flock(file.as_fd(), operation)) {
        Ok(()) => Ok(LockAttempt::Won),
        Err(Errno::WOULDBLOCK) => Ok(LockAttempt::Held),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_lock_is_held_until_its_holder_closes_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let ours = File::open(file.path()).unwrap();
        assert_eq!(try_exclusive(file.as_file()).unwrap(), LockAttempt::Won);
        assert_eq!(try_exclusive(&ours).unwrap(), LockAttempt::Held);
        assert_eq!(try_shared(&ours).unwrap(), LockAttempt::Held);
        drop(file);
        assert_eq!(try_exclusive(&ours).unwrap(), LockAttempt::Won);
    }

    #[test]
    fn shared_locks_exclude_only_the_exclusive_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let ours = File::open(file.path()).unwrap();
        assert_eq!(try_shared(file.as_file()).unwrap(), LockAttempt::Won);
        assert_eq!(try_shared(&ours).unwrap(), LockAttempt::Won);
        assert_eq!(try_exclusive(&ours).unwrap(), LockAttempt::Held);
    }

    #[test]
    fn waiting_ends_when_the_holder_closes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let ours = File::open(file.path()).unwrap();
        assert_eq!(try_exclusive(file.as_file()).unwrap(), LockAttempt::Won);
        let waiting = std::thread::spawn(move || exclusive_blocking(&ours));
        drop(file);
        waiting.join().unwrap().unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_locked_is_an_error() {
        let pinned = rustix::fs::open(
            std::env::temp_dir(),
            rustix::fs::OFlags::PATH,
            rustix::fs::Mode::empty(),
        )
        .unwrap();
        try_exclusive(&pinned).unwrap_err();
    }
}
