//! Threads.

use std::io;

use super::procfs;

/// The kernel's ID of the calling thread.
#[must_use]
pub fn id() -> u32 {
    rustix::thread::gettid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs()
}

/// The threads of this process, each with its name, which the kernel cuts to 15 bytes.
///
/// # Errors
/// `/proc` is hidden or not mounted.
pub fn listed() -> io::Result<Vec<(u32, String)>> {
    let numbers = procfs::numbers_in("/proc/self/task")?;
    let named = numbers.into_iter().filter_map(|number| {
        // A thread that has ended in the meantime is left out.
        let name = std::fs::read(format!("/proc/self/task/{number}/comm")).ok()?;
        let name = String::from_utf8_lossy(&name).trim_end().to_owned();
        Some((number.unsigned_abs(), name))
    });
    Ok(named.collect())
}

/// The children that the calling thread started, including exited ones that were not reaped.
///
/// # Errors
/// The kernel does not list children by thread, or `/proc` is hidden.
pub fn children() -> io::Result<Vec<i32>> {
    let text = std::fs::read_to_string("/proc/thread-self/children")?;
    let numbers = text.split_ascii_whitespace();
    Ok(numbers.filter_map(|number| number.parse().ok()).collect())
}

/// Whether the process with this PID has a thread with this ID now.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace, or the process is gone or may not be inspected.
pub fn is_alive(pid: i32, thread: u32) -> io::Result<bool> {
    procfs::require_own_namespace()?;
    let found = rustix::fs::stat(format!("/proc/{pid}/task/{thread}"));
    match found.map_err(io::Error::from) {
        Ok(_) => Ok(true),
        // If the process itself is gone, the answer is an error.
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
        // It is joined a moment before the kernel removes it.
        while is_alive(own, ended).unwrap() {
            std::thread::yield_now();
        }
        assert!(is_alive(i32::MAX, 1).is_err());
    }
}
