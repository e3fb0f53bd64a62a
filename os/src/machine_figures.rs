//! Memory, pressure and disk figures of the whole machine.

/// The machine's memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryUsage {
    /// Total memory.
    pub total: u64,
    /// Memory that a program could use without swapping.
    pub available: u64,
    /// Total swap.
    pub swap_total: u64,
    /// Free swap.
    pub swap_free: u64,
}

/// The share of the last ten seconds during which tasks were stalled, in percent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PressureUsage {
    /// Some tasks waited for memory.
    pub memory_some: f64,
    /// All tasks waited for memory.
    pub memory_full: f64,
    /// Some tasks waited for a processor.
    pub cpu_some: f64,
    /// Some tasks waited for a disk.
    pub io_some: f64,
}

/// A cgroup's memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupUsage {
    /// Memory in use by its processes and their cached files.
    pub memory: u64,
    /// The lowest limit of the cgroup and its ancestors; `None` if there is no limit.
    pub limit: Option<u64>,
}

/// A disk, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Total size.
    pub total: u64,
    /// Space that an ordinary user can still write.
    pub available: u64,
}
