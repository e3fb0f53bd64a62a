//! Memory, pressure and disk usage of the machine.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::procfs;
use crate::machine_figures::{DiskUsage, MemoryUsage, PressureUsage};

/// Reads the machine's figures from files that are kept open.
#[derive(Debug)]
pub struct MachineUsage {
    memory: OwnedFd,
    /// Memory, processors, disks; `None` where the kernel does not record pressure.
    pressure: Option<[OwnedFd; 3]>,
}

impl MachineUsage {
    /// Opens the files.
    ///
    /// # Errors
    /// `/proc` is hidden or not mounted, or no file descriptor is available.
    pub fn open() -> io::Result<Self> {
        let pressure = || {
            Ok::<_, io::Error>([
                open("/proc/pressure/memory")?,
                open("/proc/pressure/cpu")?,
                open("/proc/pressure/io")?,
            ])
        };
        Ok(Self {
            memory: open("/proc/meminfo")?,
            // A kernel without PSI, or started with psi=0.
            pressure: pressure().ok(),
        })
    }

    /// The machine's memory.
    ///
    /// # Errors
    /// The kernel's figures cannot be read.
    pub fn memory(&mut self) -> io::Result<MemoryUsage> {
        let mut buffer = [0_u8; 4096];
        let length = rustix::io::pread(&self.memory, &mut buffer, 0)?;
        let text = &buffer[..length];
        let size = |key| procfs::kilobytes(text, key).ok_or(io::ErrorKind::InvalidData);
        Ok(MemoryUsage {
            total: size(b"MemTotal:")?,
            available: size(b"MemAvailable:")?,
            swap_total: size(b"SwapTotal:")?,
            swap_free: size(b"SwapFree:")?,
        })
    }

    /// How long tasks were stalled; `None` where the kernel does not record it.
    #[must_use]
    pub fn pressure(&mut self) -> Option<PressureUsage> {
        let [memory, cpu, io] = self.pressure.as_ref()?;
        let (memory_some, memory_full) = waits(memory)?;
        Some(PressureUsage {
            memory_some,
            memory_full,
            cpu_some: waits(cpu)?.0,
            io_some: waits(io)?.0,
        })
    }
}

/// The disk that `path` is on.
///
/// # Errors
/// `path` does not exist, or its file system does not report its size.
pub fn disk(path: &Path) -> io::Result<DiskUsage> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(DiskUsage {
        total: disk.f_blocks.saturating_mul(disk.f_frsize),
        available: disk.f_bavail.saturating_mul(disk.f_frsize),
    })
}

/// `some` and `full` of the last ten seconds.
fn waits(file: &OwnedFd) -> Option<(f64, f64)> {
    let mut buffer = [0_u8; 256];
    let length = rustix::io::pread(file, &mut buffer, 0).ok()?;
    parse_waits(&buffer[..length])
}

fn parse_waits(text: &[u8]) -> Option<(f64, f64)> {
    let share = |key: &[u8]| {
        let line = std::str::from_utf8(procfs::after_key(text, key)?).ok()?;
        let (share, _) = line.split_once(' ')?;
        share.parse::<f64>().ok()
    };
    // Some systems have no `full` line for processors.
    Some((
        share(b"some avg10=")?,
        share(b"full avg10=").unwrap_or_default(),
    ))
}

fn open(path: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory_and_a_disk() {
        let mut machine = MachineUsage::open().unwrap();
        let memory = machine.memory().unwrap();
        assert!(memory.total > memory.available && memory.available > 0);
        let disk = disk(&std::env::temp_dir()).unwrap();
        assert!(disk.total > 0 && disk.available <= disk.total);
        assert!(super::disk(Path::new("/no/such/place")).is_err());
    }

    #[test]
    fn pressure_is_read_with_and_without_full() {
        let both = b"some avg10=1.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.25 avg60=0 avg300=0 total=1\n";
        assert_eq!(parse_waits(both), Some((1.5, 0.25)));
        assert_eq!(
            parse_waits(b"some avg10=2.00 avg60=0 total=1\n"),
            Some((2.0, 0.0))
        );
        assert_eq!(parse_waits(b"some total=1\n"), None);
        assert_eq!(parse_waits(b""), None);
    }
}
