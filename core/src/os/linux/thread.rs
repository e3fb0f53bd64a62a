//! Threads.

use std::io;

use super::procfs;

/// The kernel's number of the calling thread.
#[must_use]
pub fn id() -> u32 {
    rustix::thread::gettid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs()
}

/// Whether the process with this number has a thread of this number now.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace, or the process is gone or may not be looked into.
pub fn is_alive(pid: i32, thread: u32) -> io::Result<bool> {
    procfs::require_own_namespace()?;
    let found = rustix::fs::stat(format!("/proc/{pid}/task/{thread}"));
    match found.map_err(io::Error::from) {
        Ok(_) => Ok(true),
        // Of a process that is gone itself, nothing is said.
        Err(error) if procfs::is_gone(&error) => {
            rustix::fs::stat(format!("/proc/{pid}/task"))?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_lives_until_it_has_ended() {
        let own = std::process::id() as i32;
        let ended = std::thread::spawn(id).join().unwrap();
        assert!(is_alive(own, id()).unwrap());
        // It is joined a moment before the kernel forgets it.
        while is_alive(own, ended).unwrap() {
            std::thread::yield_now();
        }
        assert!(is_alive(i32::MAX, 1).is_err());
    }
}
