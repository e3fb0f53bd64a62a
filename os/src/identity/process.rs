//! The identity of a process.

use serde::{Deserialize, Serialize};

use super::BootId;

/// Distinguishes one process from every other, even after its PID was reused.
///
/// A PID alone proves nothing: the kernel reuses it. The inode that pidfs assigns to each process
/// (Linux ≥ 6.9) is never reused within a boot. Without it, start time, executable and the cookie
/// in the environment must all match; the start time alone has ticks of 10 ms and collided in 158
/// of 200 forced reuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// The PID in the pid namespace of the process that recorded it.
    pub pid: i32,
    /// The inode of its pidfd, where the kernel has pidfs.
    pub pidfs_inode: Option<u64>,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub start_ticks: u64,
    /// The inode of the recorder's pid namespace: a PID is only valid within it.
    pub pid_namespace: u64,
    /// The boot in which it ran.
    pub boot: BootId,
    /// The program that it executes, where it could be read.
    pub executable: Option<ExecutableIdentity>,
}

/// Device and inode of a program's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExecutableIdentity {
    /// The device that holds the file.
    pub device: u64,
    /// The file's inode on that device.
    pub inode: u64,
}
