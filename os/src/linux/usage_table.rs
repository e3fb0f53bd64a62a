//! Usage of all processes, read into buffers that are kept.

use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, RawDir, SeekFrom};

use super::procfs;
use crate::stat_line::StatLine;
use crate::usage::{ShortName, UsageRow};

/// Reads the process table repeatedly. It keeps `/proc` open and its buffers, but no descriptors of
/// processes.
#[derive(Debug)]
pub struct UsageTable {
    directory: OwnedFd,
    names: Box<[MaybeUninit<u8>]>,
    rows: Vec<UsageRow>,
    units: Units,
}

#[derive(Debug, Clone, Copy)]
struct Units {
    page: u64,
    ticks: u64,
}

/// Room for a line of the table, of which the name is at most 64 bytes.
const LINE: usize = 1024;
const FILE: &[u8] = b"/stat";

impl UsageTable {
    /// Room for some thousand names in one call.
    const NAMES: usize = 32 * 1024;

    /// Opens the table.
    ///
    /// # Errors
    /// `/proc` is hidden or of another pid namespace.
    pub fn open() -> io::Result<Self> {
        procfs::require_own_namespace()?;
        Ok(Self {
            directory: rustix::fs::open(
                "/proc",
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            )?,
            names: Box::new_uninit_slice(Self::NAMES),
            rows: Vec::new(),
            units: Units::of_system(),
        })
    }

    /// Reads all processes visible to this one, in ascending order of PID; those that end in the
    /// meantime are left out.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn read(&mut self) -> io::Result<&[UsageRow]> {
        self.read_if(|_| true)
    }

    /// Reads those processes whose PID is wanted.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_if(&mut self, mut is_wanted: impl FnMut(i32) -> bool) -> io::Result<&[UsageRow]> {
        self.rows.clear();
        rustix::fs::seek(&self.directory, SeekFrom::Start(0))?;
        let mut entries = RawDir::new(&self.directory, &mut self.names);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().ok().and_then(|name| name.parse().ok());
            if number.is_some_and(&mut is_wanted) {
                self.rows
                    .extend(row(&self.directory, name.to_bytes(), self.units).ok());
            }
        }
        Ok(&self.rows)
    }

    /// Reads some processes; those that have ended are left out.
    pub fn read_only(&mut self, pids: &[i32]) -> &[UsageRow] {
        self.rows.clear();
        for pid in pids {
            let mut name = [0_u8; 12];
            let mut rest = &mut name[..];
            // A PID has at most ten digits and a sign.
            let _ = write!(rest, "{pid}");
            let room = rest.len();
            let length = name.len() - room;
            self.rows
                .extend(row(&self.directory, &name[..length], self.units).ok());
        }
        &self.rows
    }
}

impl Units {
    fn of_system() -> Self {
        Self {
            page: rustix::param::page_size() as u64,
            ticks: rustix::param::clock_ticks_per_second().max(1),
        }
    }
}

/// One process's row; `name` is that of its directory.
fn row(directory: &OwnedFd, name: &[u8], units: Units) -> io::Result<UsageRow> {
    let mut path = [0_u8; 32];
    // A PID has at most ten digits, so there is room; a truncated path opens nothing.
    let _ = (&mut path[..]).write_all(name);
    let digits = name.len().min(path.len() - FILE.len());
    path[digits..digits + FILE.len()].copy_from_slice(FILE);
    let file = rustix::fs::openat(
        directory,
        &path[..digits + FILE.len()],
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut line = [0_u8; LINE];
    let length = rustix::io::read(&file, &mut line)?;
    let line = StatLine::parse(&line[..length])
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(UsageRow {
        pid: line.pid,
        ppid: line.ppid,
        started: line.start_ticks,
        name: ShortName::of(line.comm),
        resident: line.pages.saturating_mul(units.page),
        threads: line.threads,
        cpu: Duration::from_nanos(
            line.processor_ticks
                .saturating_mul(1_000_000_000 / units.ticks),
        ),
        has_exited: line.state.has_exited(line.threads),
        is_kernel_thread: line.is_kernel_thread,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn own() -> i32 {
        std::process::id() as i32
    }

    #[test]
    fn a_child_is_in_the_table_until_it_is_gone() {
        let mut table = UsageTable::open().unwrap();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id() as i32;
        let rows = table.read().unwrap();
        assert!(rows.is_sorted_by_key(|row| row.pid));
        let found = rows.iter().find(|row| row.pid == pid).unwrap();
        assert_eq!((found.ppid, found.threads), (own(), 1));
        assert!(!found.has_exited && !found.is_kernel_thread);

        child.kill().unwrap();
        child.wait().unwrap();
        assert!(table.read().unwrap().iter().all(|row| row.pid != pid));
        assert_eq!(table.read_only(&[pid, own()]).len(), 1);
    }

    #[test]
    fn reading_some_matches_reading_all() {
        let mut table = UsageTable::open().unwrap();
        let all = table.read().unwrap().iter().find(|row| row.pid == own());
        let all = *all.unwrap();
        let some = table.read_only(&[own(), -1, i32::MAX])[0];
        assert_eq!(
            (all.pid, all.ppid, all.started),
            (some.pid, some.ppid, some.started)
        );
        assert!(some.resident > 0);
    }
}
