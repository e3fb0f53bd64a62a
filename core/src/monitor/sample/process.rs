//! A process, or the sum of the processes of a tree.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::monitor::seconds;
use crate::resource::Bytes;

/// The figures of a process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessSample {
    /// Its PID; for a tree, the leader's.
    pub pid: i32,
    /// The program's name, cut by the kernel to 15 bytes.
    pub name: String,
    /// Number of processes included: 1, or the size of the tree.
    pub processes: u32,
    /// Resident memory (RSS). For a tree, shared memory is counted for each process.
    pub resident: Bytes,
    /// Resident memory with shared memory divided among the processes that share it (PSS).
    /// Expensive, so not in every sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proportional: Option<Bytes>,
    /// Peak resident memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Bytes>,
    /// File descriptors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handles: Option<u64>,
    /// The limit of file descriptors; for a tree, the lowest limit of its processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle_limit: Option<u64>,
    /// Threads.
    pub threads: u32,
    /// Direct children, including exited ones that were not reaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub children: Option<u32>,
    /// Sockets among the file descriptors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u32>,
    /// Processor time since it started, user and system together.
    #[serde(rename = "cpu_seconds", with = "seconds")]
    pub cpu: Duration,
    /// Its allocator's memory. Known only for the own process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<HeapSample>,
}

/// The memory of the C library's allocator.
///
/// If the program has another allocator, this is the memory of its C libraries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapSample {
    /// Allocated and not freed.
    pub in_use: Bytes,
    /// Obtained from the kernel: in use, or cached.
    pub held: Bytes,
    /// Memory in use in the program's own allocator, if it is another one. `None`: the program uses
    /// the C library's allocator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Bytes>,
}

impl ProcessSample {
    /// The share of the limit of file descriptors that is in use, from 0 to 1.
    #[must_use]
    pub fn handle_share(&self) -> Option<f64> {
        let limit = self.handle_limit.filter(|limit| *limit > 0)?;
        Some(self.handles? as f64 / limit as f64)
    }
}

impl HeapSample {
    /// Memory that the allocator caches.
    #[must_use]
    pub fn retained(&self) -> Bytes {
        Bytes(self.held.0.saturating_sub(self.in_use.0))
    }
}
