//! Usage of all processes, read with the sysinfo library.

use std::io;
use std::time::Duration;

use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

use crate::usage::{ShortName, UsageRow};

/// Reads the process table repeatedly.
#[derive(Debug)]
pub struct UsageTable {
    system: System,
    rows: Vec<UsageRow>,
}

impl UsageTable {
    /// Opens the table.
    ///
    /// # Errors
    /// The library does not know this system.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            system: super::own_usage::system()?,
            rows: Vec::new(),
        })
    }

    /// Reads all processes visible to this one, in ascending order of PID.
    ///
    /// # Errors
    /// Never on this system.
    pub fn read(&mut self) -> io::Result<&[UsageRow]> {
        self.refresh(ProcessesToUpdate::All);
        self.rows.clear();
        self.rows
            .extend(self.system.processes().values().filter_map(row));
        self.rows.sort_by_key(|row| row.pid);
        Ok(&self.rows)
    }

    /// Reads those processes whose PID is wanted.
    ///
    /// # Errors
    /// Never on this system.
    pub fn read_if(&mut self, mut is_wanted: impl FnMut(i32) -> bool) -> io::Result<&[UsageRow]> {
        self.read()?;
        self.rows.retain(|row| is_wanted(row.pid));
        Ok(&self.rows)
    }

    /// Reads some processes; those that have ended are left out.
    pub fn read_only(&mut self, pids: &[i32]) -> &[UsageRow] {
        let wanted: Vec<Pid> = pids
            .iter()
            .filter_map(|pid| u32::try_from(*pid).ok())
            .map(Pid::from_u32)
            .collect();
        self.refresh(ProcessesToUpdate::Some(&wanted));
        self.rows.clear();
        let found = wanted.iter().filter_map(|pid| self.system.process(*pid));
        self.rows.extend(found.filter_map(row));
        &self.rows
    }

    fn refresh(&mut self, which: ProcessesToUpdate<'_>) {
        // Those that ended are forgotten, or a long run would remember every process there ever
        // was.
        let kind = ProcessRefreshKind::nothing()
            .without_tasks()
            .with_memory()
            .with_cpu();
        self.system.refresh_processes_specifics(which, true, kind);
    }
}

fn row(process: &Process) -> Option<UsageRow> {
    Some(UsageRow {
        pid: number(process.pid())?,
        ppid: process.parent().and_then(number).unwrap_or(0),
        started: process.start_time(),
        name: ShortName::of(process.name().as_encoded_bytes()),
        resident: process.memory(),
        // Not reported; a process has at least one.
        threads: 1,
        cpu: Duration::from_millis(process.accumulated_cpu_time()),
        has_exited: matches!(
            process.status(),
            ProcessStatus::Zombie | ProcessStatus::Dead
        ),
        is_kernel_thread: false,
    })
}

fn number(pid: Pid) -> Option<i32> {
    i32::try_from(pid.as_u32()).ok()
}
