//! What a process uses: memory, file descriptors, threads and processor time.

use std::time::Duration;

/// One reading of a process's usage. A value that could not be read is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Resident memory in bytes.
    pub resident: u64,
    /// Peak resident memory in bytes.
    pub peak: Option<u64>,
    /// Open file descriptors.
    pub handles: Option<u64>,
    /// Threads.
    pub threads: u32,
    /// Processor time since it started, user and system together.
    pub cpu: Duration,
}

/// One process of the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageRow {
    /// The PID.
    pub pid: i32,
    /// The parent's PID; 0 when the parent is in another pid namespace or there is none.
    pub ppid: i32,
    /// Start time in the system's own unit: two processes that had the same PID differ in it.
    pub started: u64,
    /// The name of its program.
    pub name: ShortName,
    /// Resident memory in bytes.
    pub resident: u64,
    /// Threads.
    pub threads: u32,
    /// Processor time since it started, user and system together.
    pub cpu: Duration,
    /// Whether it has exited and only waits to be reaped.
    pub has_exited: bool,
    /// Whether it is a kernel thread.
    pub is_kernel_thread: bool,
}

/// A program's name as the kernel keeps it, cut to 15 bytes and stored inline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShortName {
    bytes: [u8; Self::LONGEST],
    length: u8,
}

/// The memory of the C library's allocator, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeapUsage {
    /// Allocated and not yet freed.
    pub in_use: u64,
    /// Obtained from the kernel.
    pub held: u64,
}

impl ShortName {
    /// Kernel threads have names of up to 63 bytes, of which the beginning is enough.
    const LONGEST: usize = 15;

    /// The first 15 bytes of `name`.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        let length = name.len().min(Self::LONGEST);
        let mut bytes = [0; Self::LONGEST];
        bytes[..length].copy_from_slice(&name[..length]);
        Self {
            bytes,
            length: length as u8,
        }
    }

    /// The name; invalid UTF-8 is replaced.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.bytes[..usize::from(self.length)]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_truncated() {
        assert_eq!(ShortName::of(b"worker").to_text(), "worker");
        assert_eq!(ShortName::of(&[b'x'; 64]).to_text(), "x".repeat(15));
        assert_eq!(ShortName::of(b"").to_text(), "");
        assert_eq!(ShortName::of(b"\xff").to_text(), "\u{fffd}");
    }
}
