//! What all processes together take of the machine.

/// The machine's memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryUsage {
    /// In all.
    pub total: u64,
    /// What a program could have without swapping.
    pub available: u64,
    /// Swap in all.
    pub swap_total: u64,
    /// Swap that is free.
    pub swap_free: u64,
}

/// The share of the last ten seconds in which somebody waited, in percent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PressureUsage {
    /// For memory.
    pub memory_some: f64,
    /// For memory, everybody.
    pub memory_full: f64,
    /// For a processor.
    pub cpu_some: f64,
    /// For a disk.
    pub io_some: f64,
}

/// A control group's memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupUsage {
    /// What its processes and their files in memory take.
    pub memory: u64,
    /// The least limit of the group and those above it; `None` is no limit.
    pub limit: Option<u64>,
}

/// A disk, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// In all.
    pub total: u64,
    /// What an ordinary user can still write.
    pub available: u64,
}
