//! ProcessUsage of this process, read from files that are kept open.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::process::{getpid, getrlimit};

use super::{clock, descriptors, process_table, process_usage, rusage};
use crate::usage::ProcessUsage;

/// Reads the usage of this process from three files that are opened once, so that a reading opens
/// nothing and still works when no file descriptor is available.
#[derive(Debug)]
pub struct OwnUsage {
    pid: i32,
    memory: OwnedFd,
    descriptors: OwnedFd,
    threads: OwnedFd,
    page: u64,
    /// The `getrusage` peak that was the parent's: see [`OwnUsage::peak`].
    inherited: Option<u64>,
}

impl OwnUsage {
    /// The kernel keeps memory counters per processor and sums them only now and then.
    const INEXACT: u64 = 4 << 20;

    /// Opens the files.
    ///
    /// # Errors
    /// `/proc` is hidden or not mounted, or no file descriptor is available.
    pub fn open() -> io::Result<Self> {
        let path = OFlags::PATH | OFlags::DIRECTORY;
        let peak = rusage::peak();
        let own = process_usage::peak(own_pid()).ok().flatten();
        Ok(Self {
            pid: own_pid(),
            memory: open("/proc/self/statm", OFlags::RDONLY)?,
            descriptors: open("/proc/self/fd", path)?,
            threads: open("/proc/self/task", path)?,
            page: rustix::param::page_size() as u64,
            inherited: own
                .is_none_or(|own| peak > own + Self::INEXACT)
                .then_some(peak),
        })
    }

    /// Takes a reading.
    ///
    /// # Errors
    /// As [`open`](Self::open), in a process that was forked since.
    pub fn read(&mut self) -> io::Result<ProcessUsage> {
        if own_pid() != self.pid {
            // The open files refer to the parent.
            *self = Self::open()?;
        }
        let mut buffer = [0_u8; 128];
        let length = rustix::io::pread(&self.memory, &mut buffer, 0)?;
        let pages = std::str::from_utf8(&buffer[..length])
            .ok()
            .and_then(|text| text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok())
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let threads = rustix::fs::fstat(&self.threads)?.st_nlink;
        Ok(ProcessUsage {
            resident: pages * self.page,
            peak: self.peak(),
            handles: self.handles(),
            // Each thread's directory links to this one, and so do its own two names.
            threads: u32::try_from(threads.saturating_sub(2)).unwrap_or(u32::MAX),
            cpu: clock::process_time(),
        })
    }

    /// Its direct children, including exited ones that were not reaped.
    ///
    /// # Errors
    /// `/proc` is hidden, or no file descriptor is available.
    pub fn children(&self) -> io::Result<u32> {
        let children = process_table::children(self.pid)?;
        Ok(u32::try_from(children.len()).unwrap_or(u32::MAX))
    }

    /// How many file descriptors it may open (the soft limit); `None` if unlimited.
    #[must_use]
    pub fn handle_limit(&self) -> Option<u64> {
        getrlimit(rustix::process::Resource::Nofile).current
    }

    fn handles(&self) -> Option<u64> {
        // Since Linux 6.2 the directory's size is the count; before, it is 0.
        match rustix::fs::fstat(self.descriptors.as_fd()).map(|stat| stat.st_size) {
            Ok(size @ 1..) => u64::try_from(size).ok(),
            _ => descriptors::open().ok(),
        }
    }

    /// `getrusage` is quick, but its peak survives an `exec`: a small program started by a large
    /// one shows the large one's peak until its own is higher. Until then the peak is read from
    /// `/proc`, which starts from scratch with each program.
    fn peak(&self) -> Option<u64> {
        let peak = rusage::peak();
        if Some(peak) == self.inherited {
            return process_usage::peak(self.pid).ok().flatten();
        }
        Some(peak)
    }
}

fn own_pid() -> i32 {
    getpid().as_raw_nonzero().get()
}

fn open(path: &str, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(
        path,
        flags | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readings_follow_the_usage() {
        // Other tests run in this process at the same time, so the steps are larger than theirs.
        let mut own = OwnUsage::open().unwrap();
        let before = own.read().unwrap();
        let memory = vec![1_u8; 256 << 20];
        let files: Vec<_> = (0..500)
            .map(|_| std::fs::File::open("/dev/null").unwrap())
            .collect();
        let after = own.read().unwrap();
        assert!(
            after.resident > before.resident + (128 << 20),
            "{before:?} {after:?}"
        );
        assert!(after.handles.unwrap() >= before.handles.unwrap() + 300);
        assert!(after.peak.unwrap() + (8 << 20) >= after.resident);
        assert!(after.cpu >= before.cpu && after.threads >= 1);
        drop((memory, files));
    }

    #[test]
    fn a_parents_peak_is_not_reported_as_its_own() {
        let mut own = OwnUsage::open().unwrap();
        own.inherited = Some(rusage::peak());
        let reported = process_usage::peak(own_pid()).unwrap().unwrap();
        assert!(own.read().unwrap().peak.unwrap() >= reported);
    }
}
