//! The state of a pinned process, and the result of signalling it.

/// Whether a process is running, unreaped or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// At least one of its threads is alive.
    Running,
    /// It has exited and keeps only its PID and status, until its parent asks for them.
    Unreaped,
    /// Its PID is free again.
    Gone,
}

/// The result of sending a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Delivery {
    /// The kernel delivered it to exactly this process.
    Sent,
    /// The process was already gone; no process received the signal.
    AlreadyGone,
}
