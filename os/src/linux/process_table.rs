//! Reads the process table: PIDs, parents and arguments.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::sync::OnceLock;

use super::procfs;
use crate::process_stat::ProcessStat;

/// Arguments may use a quarter of the stack limit, which has no upper bound itself.
const LONGEST_COMMAND_LINE: usize = 16 * 1024 * 1024;

/// The PIDs of all processes visible to this one, in ascending order.
///
/// # Errors
/// `/proc` is hidden or of another pid namespace.
pub fn pids() -> io::Result<Vec<i32>> {
    procfs::require_own_namespace()?;
    procfs::numbers_in("/proc")
}

/// The line of the process that has this PID now.
///
/// # Errors
/// No process has this PID (`NotFound` or `ESRCH`), or the line is malformed.
pub fn stat(pid: i32) -> io::Result<ProcessStat> {
    let mut buffer = [0_u8; 1024];
    let line = procfs::read_into(&format!("/proc/{pid}/stat"), &mut buffer)?;
    // A name with a line end could cut the first read short in theory; the kernel returns the whole
    // line in one read.
    ProcessStat::parse(line, rustix::param::page_size() as u64)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The lines of all processes visible to this one; those that end in the meantime are left out.
///
/// # Errors
/// As [`pids`].
pub fn all() -> io::Result<Vec<ProcessStat>> {
    Ok(pids()?
        .into_iter()
        .filter_map(|pid| stat(pid).ok())
        .collect())
}

/// The arguments that it was started with, or has overwritten; empty for kernel threads and exited
/// processes.
///
/// # Errors
/// No process has this PID, or its arguments are longer than 16 MiB.
pub fn command_line(pid: i32) -> io::Result<Vec<OsString>> {
    let mut bytes = procfs::read_all(&format!("/proc/{pid}/cmdline"), LONGEST_COMMAND_LINE)?;
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(bytes
        .split(|byte| *byte == 0)
        .map(|part| OsString::from_vec(part.to_vec()))
        .collect())
}

/// The user that owns the process's files in `/proc`: its effective user, or root if it may not be
/// inspected (a set-user-id program).
///
/// # Errors
/// No process has this PID.
pub fn owner_uid(pid: i32) -> io::Result<u32> {
    Ok(rustix::fs::stat(format!("/proc/{pid}"))?.st_uid)
}

/// Number of open file descriptors.
///
/// # Errors
/// No process has this PID, or it may not be inspected.
pub fn open_files(pid: i32) -> io::Result<usize> {
    Ok(procfs::numbers_in(&format!("/proc/{pid}/fd"))?.len())
}

/// The direct children of all of its threads, including exited ones.
///
/// # When it does not hold
/// The kernel's list may skip a child while an earlier one is being reaped; a caller that needs all
/// of them reads the list again.
///
/// # Errors
/// No process has this PID, or `/proc` is hidden or of another pid namespace.
pub fn children(pid: i32) -> io::Result<Vec<i32>> {
    procfs::require_own_namespace()?;
    if !has_children_files() {
        let family = Family::of_all()?;
        return Ok(family.children(pid).to_vec());
    }
    let mut found = Vec::new();
    for thread in procfs::numbers_in(&format!("/proc/{pid}/task"))? {
        let path = format!("/proc/{pid}/task/{thread}/children");
        match std::fs::read_to_string(path) {
            Ok(text) => found.extend(
                text.split_ascii_whitespace()
                    .filter_map(|n| n.parse::<i32>().ok()),
            ),
            // The thread ended; its children went to a sibling, which the next pass shows.
            Err(error) if procfs::is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Its children, their children and so on, parents before children, without the process itself.
///
/// # Errors
/// As [`children`].
pub fn descendants(pid: i32) -> io::Result<Vec<i32>> {
    let mut found = children(pid)?;
    let mut seen: HashSet<i32> = found.iter().copied().chain([pid]).collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        match children(parent) {
            Ok(more) => found.extend(more.into_iter().filter(|child| seen.insert(*child))),
            Err(error) if procfs::is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The children of each process, from one scan of all processes.
pub(super) struct Family(HashMap<i32, Vec<i32>>);

impl Family {
    pub(super) fn of_all() -> io::Result<Self> {
        let mut family: HashMap<i32, Vec<i32>> = HashMap::new();
        for stat in all()? {
            family.entry(stat.ppid).or_default().push(stat.pid);
        }
        Ok(Self(family))
    }

    pub(super) fn children(&self, pid: i32) -> &[i32] {
        self.0.get(&pid).map_or(&[], Vec::as_slice)
    }
}

/// Whether this kernel has `/proc/PID/task/TID/children` (`CONFIG_PROC_CHILDREN`).
fn has_children_files() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| std::fs::exists("/proc/thread-self/children").unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn this_process_is_in_the_table() {
        let own = std::process::id() as i32;
        assert!(pids().unwrap().contains(&own));
        let stat = stat(own).unwrap();
        assert_eq!(stat.pid, own);
        assert!(stat.resident_bytes > 0 && stat.threads > 0 && !stat.is_kernel_thread);
        assert_eq!(owner_uid(own).unwrap(), rustix::process::geteuid().as_raw());
        assert!(open_files(own).unwrap() >= 3);
        let arguments: Vec<_> = std::env::args_os().collect();
        assert_eq!(command_line(own).unwrap(), arguments);
    }

    #[test]
    fn children_and_grandchildren_are_found_both_ways() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60 & wait"])
            .spawn()
            .unwrap();
        let pid = child.id() as i32;
        let grandchild = loop {
            if let [grandchild] = children(pid).unwrap()[..] {
                break grandchild;
            }
            std::thread::yield_now();
        };
        assert!(
            descendants(std::process::id() as i32)
                .unwrap()
                .contains(&grandchild)
        );
        assert_eq!(Family::of_all().unwrap().children(pid), [grandchild]);
        let grandchild = super::super::pinned::PinnedProcess::pin(grandchild).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let _ = grandchild.signal(crate::signal::Signal::KILL).unwrap();
    }

    #[test]
    fn a_hostile_program_name_is_read_whole() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("x) R 1 (\n");
        std::os::unix::fs::symlink("/bin/sleep", &program).unwrap();
        let mut child = Command::new(&program).arg("60").spawn().unwrap();
        let stat = stat(child.id() as i32).unwrap();
        assert_eq!(
            (stat.comm.as_str(), stat.ppid),
            ("x) R 1 (\n", std::process::id() as i32)
        );
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
