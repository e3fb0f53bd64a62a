//! The state of a process, and the error of parsing its line.

/// What a process is doing at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessState {
    /// On a processor or ready for one.
    Running,
    /// Waiting; a signal wakes it.
    Sleeping,
    /// Waiting for a device; not even SIGKILL ends it before the device answers.
    Uninterruptible,
    /// Stopped by a signal.
    Stopped,
    /// Stopped by a debugger.
    Traced,
    /// Exited, and its parent has not yet asked for the status.
    Zombie,
    /// Exited and about to vanish.
    Dead,
    /// An idle thread of the kernel.
    Idle,
    /// A letter that this version does not know.
    Unknown(u8),
}

/// The line is not in the kernel's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the process table's line has no readable field {field}")]
pub struct ParseStatError {
    /// The field in the numbering of `proc_pid_stat(5)`.
    pub field: usize,
}

impl ProcessState {
    /// Whether a process in this state, with this many threads, has exited as a whole.
    #[must_use]
    pub fn has_exited(self, threads: u32) -> bool {
        matches!(self, Self::Zombie | Self::Dead) && threads <= 1
    }

    pub(super) fn from_letter(letter: u8) -> Self {
        match letter {
            b'R' => Self::Running,
            b'S' => Self::Sleeping,
            b'D' => Self::Uninterruptible,
            b'T' => Self::Stopped,
            b't' => Self::Traced,
            b'Z' => Self::Zombie,
            b'X' | b'x' => Self::Dead,
            b'I' => Self::Idle,
            other => Self::Unknown(other),
        }
    }
}
