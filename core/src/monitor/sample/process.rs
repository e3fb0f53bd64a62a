//! A process, or the processes of a tree added up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::monitor::seconds;
use crate::resource::Bytes;

/// What a process has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessSample {
    /// Its number; of a tree, the leader's.
    pub pid: i32,
    /// The name of its program, cut by the kernel to 15 bytes.
    pub name: String,
    /// How many processes are added up here: 1, or the size of the tree.
    pub processes: u32,
    /// Resident memory (RSS). Of a tree, what processes share is counted for each.
    pub resident: Bytes,
    /// Resident memory with what is shared divided among those that share it (PSS). Dear, so not in
    /// every sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proportional: Option<Bytes>,
    /// The most that was ever resident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Bytes>,
    /// File descriptors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handles: Option<u64>,
    /// How many file descriptors it may have; of a tree, the least that one of its processes may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle_limit: Option<u64>,
    /// Threads.
    pub threads: u32,
    /// Direct children, exited ones that were not waited for included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub children: Option<u32>,
    /// Sockets among the file descriptors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u32>,
    /// Time on a processor since it began, user and system together.
    #[serde(rename = "cpu_seconds", with = "seconds")]
    pub cpu: Duration,
    /// What its allocator has. Known only of oneself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<HeapSample>,
}

/// What the C library's allocator has.
///
/// Where the program's own allocator is another one, this is the memory of its C libraries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapSample {
    /// Handed out and not given back.
    pub in_use: Bytes,
    /// Taken from the kernel: in use, or kept for later.
    pub held: Bytes,
    /// What the program's own allocator has handed out, where that is another one. `None`: the C
    /// library's allocator is the program's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Bytes>,
}

impl ProcessSample {
    /// The share of the handle limit that is taken, from 0 to 1.
    #[must_use]
    pub fn handle_share(&self) -> Option<f64> {
        let limit = self.handle_limit.filter(|limit| *limit > 0)?;
        Some(self.handles? as f64 / limit as f64)
    }
}

impl HeapSample {
    /// What the allocator keeps for later.
    #[must_use]
    pub fn retained(&self) -> Bytes {
        Bytes(self.held.0.saturating_sub(self.in_use.0))
    }
}
