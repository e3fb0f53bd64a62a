//! How many file descriptors this process has open, and how many it may open.

use std::io;

use rustix::process::{Resource, getrlimit};

/// Number of open file descriptors of this process.
///
/// # Errors
/// `/proc` is hidden or not mounted.
pub fn open() -> io::Result<u64> {
    // Since Linux 6.2 the directory's size is the count; before, it is 0 and the names must be
    // read.
    let size = rustix::fs::stat("/proc/self/fd")?.st_size;
    if let Ok(count @ 1..) = u64::try_from(size) {
        return Ok(count);
    }
    let listed = std::fs::read_dir("/proc/self/fd")?.count() as u64;
    // The listing itself uses one descriptor, which is in the list.
    Ok(listed.saturating_sub(1))
}

/// Each open descriptor of this process with its target: a path, or text such as `socket:[4711]`.
///
/// # Errors
/// `/proc` is hidden or not mounted, or no file descriptor is available.
pub fn listed() -> io::Result<Vec<(i32, String)>> {
    let mut listed = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        // A descriptor that was closed in the meantime is not open. The listing's own one refers to
        // its own directory.
        if let (Some(number), Ok(target)) = (number, std::fs::read_link(entry.path())) {
            listed.push((number, target.to_string_lossy().into_owned()));
        }
    }
    let own = format!("/proc/{}/fd", std::process::id());
    listed.retain(|(_, target)| *target != own);
    Ok(listed)
}

/// How many descriptors this process may open (the soft limit); `None` if unlimited.
#[must_use]
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// How far this process may raise its limit (the hard limit); `None` if unlimited.
#[must_use]
pub fn highest_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_rises_with_open_files() {
        // Other tests open files meanwhile, so the step is larger than they are.
        let before = open().unwrap();
        let held: Vec<_> = (0..500)
            .map(|_| std::fs::File::open("/dev/null").unwrap())
            .collect();
        let after = open().unwrap();
        assert!(after >= before + 300, "{before} then {after}");
        drop(held);
    }

    #[test]
    fn the_soft_limit_is_within_the_hard_one() {
        let soft = limit().unwrap_or(u64::MAX);
        assert!(soft <= highest_limit().unwrap_or(u64::MAX));
    }
}
