//! Usage of another process.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, StatxFlags};

use super::{clock, process_table, procfs};

/// `/proc/PID/status` has some 1.5 kB, plus a line of 4 bytes for each allowed processor.
const LONGEST: usize = 16 * 1024;

/// Number of open file descriptors.
///
/// # Errors
/// No process has this PID, or it may not be inspected.
pub fn handles(pid: i32) -> io::Result<u64> {
    // Since Linux 6.2 the directory's size is the count; before, it is 0 and the names must be
    // read.
    let stat = rustix::fs::stat(format!("/proc/{pid}/fd"))?;
    if let Ok(count @ 1..) = u64::try_from(stat.st_size) {
        return Ok(count);
    }
    Ok(process_table::open_files(pid)? as u64)
}

/// How many file descriptors it may open (the soft limit); `None` if unlimited.
///
/// # Errors
/// No process has this PID.
pub fn handle_limit(pid: i32) -> io::Result<Option<u64>> {
    let mut buffer = [0_u8; LONGEST];
    let limits = procfs::read_once(&format!("/proc/{pid}/limits"), &mut buffer)?;
    let line = procfs::after_key(limits, b"Max open files").ok_or(io::ErrorKind::InvalidData)?;
    Ok(procfs::first_number(line))
}

/// Peak resident memory in bytes; `None` for a kernel thread.
///
/// # Errors
/// No process has this PID.
pub fn peak(pid: i32) -> io::Result<Option<u64>> {
    let mut buffer = [0_u8; LONGEST];
    let status = procfs::read_once(&format!("/proc/{pid}/status"), &mut buffer)?;
    Ok(procfs::kilobytes(status, b"VmHWM:"))
}

/// Resident memory, with shared memory divided among the processes that share it, in bytes; `None`
/// for a kernel thread. Takes some 40 µs, and milliseconds if much is mapped.
///
/// # Errors
/// No process has this PID, or it may not be inspected.
pub fn proportional(pid: i32) -> io::Result<Option<u64>> {
    let mut buffer = [0_u8; LONGEST];
    let rollup = procfs::read_once(&format!("/proc/{pid}/smaps_rollup"), &mut buffer)?;
    Ok(procfs::kilobytes(rollup, b"Pss:"))
}

/// How many of its descriptors are sockets; `None` if that could not be determined within `budget`,
/// which is processor time: on a busy machine, wall-clock time would pass without anything being
/// read.
///
/// # Errors
/// No process has this PID, or it may not be inspected.
pub fn sockets(pid: i32, budget: Duration) -> io::Result<Option<u32>> {
    /// `S_IFMT` and `S_IFSOCK`.
    const KIND: u16 = 0o170_000;
    const SOCKET: u16 = 0o140_000;
    let start = clock::thread_time();
    let directory = rustix::fs::open(
        format!("/proc/{pid}/fd"),
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut buffer = [MaybeUninit::<u8>::uninit(); 4 * 1024];
    let mut entries = RawDir::new(&directory, &mut buffer);
    let (mut seen, mut found) = (0_u32, 0);
    while let Some(entry) = entries.next() {
        // Reading this clock takes a system call.
        if seen.is_multiple_of(16) && clock::thread_time().saturating_sub(start) > budget {
            return Ok(None);
        }
        seen = seen.wrapping_add(1);
        // Uses only what the kernel already knows, so that a dead network mount cannot hang it.
        let name = entry?;
        let stat = rustix::fs::statx(
            &directory,
            name.file_name(),
            AtFlags::STATX_DONT_SYNC,
            StatxFlags::TYPE,
        );
        // A descriptor that was closed in the meantime does not count.
        found += u32::from(stat.is_ok_and(|stat| stat.stx_mode & KIND == SOCKET));
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    #[test]
    fn a_childs_figures_are_its_own() {
        let (one, other) = UnixStream::pair().unwrap();
        let mut child = Command::new("sleep")
            .arg("60")
            .stdin(std::os::fd::OwnedFd::from(one))
            .stdout(std::os::fd::OwnedFd::from(other))
            .spawn()
            .unwrap();
        let pid = child.id() as i32;
        assert!(handles(pid).unwrap() >= 3);
        assert!(handle_limit(pid).unwrap().is_none_or(|limit| limit >= 3));
        assert!(peak(pid).unwrap().unwrap() > 0);
        assert!(proportional(pid).unwrap().is_some());
        assert!(sockets(pid, Duration::from_secs(10)).unwrap().unwrap() >= 2);
        assert_eq!(sockets(pid, Duration::ZERO).unwrap(), None);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(procfs::is_gone(&handles(pid).unwrap_err()));
    }

    #[test]
    fn a_kernel_thread_has_no_memory_of_its_own() {
        // PID 2 starts them, if this is the first pid namespace.
        if process_table::stat(2).is_ok_and(|stat| stat.is_kernel_thread) {
            assert_eq!(peak(2).unwrap(), None);
        }
    }
}
