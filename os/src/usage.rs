//! What a process takes of the machine.

use std::time::Duration;

/// What one look at a process tells. What could not be told is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory in bytes.
    pub resident: u64,
    /// The most that was ever resident, in bytes.
    pub peak: Option<u64>,
    /// Open file descriptors.
    pub handles: Option<u64>,
    /// Threads.
    pub threads: u32,
    /// Time on a processor since it began, user and system together.
    pub cpu: Duration,
}

/// One process among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageRow {
    /// The process number.
    pub pid: i32,
    /// The parent's number; 0 when it is in another pid namespace or there is none.
    pub ppid: i32,
    /// Start time in the unit that the system counts in: two processes with one number differ in it.
    pub started: u64,
    /// The name of its program.
    pub name: ShortName,
    /// Resident memory in bytes.
    pub resident: u64,
    /// Threads.
    pub threads: u32,
    /// Time on a processor since it began, user and system together.
    pub cpu: Duration,
    /// Whether it has exited and only waits for its parent to ask.
    pub has_exited: bool,
    /// Whether it is a thread of the kernel and no program.
    pub is_kernel_thread: bool,
}

/// The name of a program as the kernel keeps it, cut to 15 bytes, without memory of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShortName {
    bytes: [u8; Self::LONGEST],
    length: u8,
}

/// What the C library's allocator has, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeapUsage {
    /// Handed out and not given back.
    pub in_use: u64,
    /// Taken from the kernel.
    pub held: u64,
}

impl ShortName {
    /// The kernel's own processes have up to 63 bytes, of which the beginning is enough.
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

    /// The name; what is not valid UTF-8 is replaced.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.bytes[..usize::from(self.length)]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_and_not_refused() {
        assert_eq!(ShortName::of(b"worker").to_text(), "worker");
        assert_eq!(ShortName::of(&[b'x'; 64]).to_text(), "x".repeat(15));
        assert_eq!(ShortName::of(b"").to_text(), "");
        assert_eq!(ShortName::of(b"\xff").to_text(), "\u{fffd}");
    }
}
