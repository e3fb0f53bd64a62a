//! What a pinned process answers when it is asked or signalled.

/// How far a process is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// At least one of its threads lives.
    Running,
    /// It has exited and holds nothing but its number and status, until its parent asks for it.
    Unreaped,
    /// Its number is free again.
    Gone,
}

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Delivery {
    /// The kernel took it for this very process.
    Sent,
    /// The process was gone; nobody got it.
    AlreadyGone,
}
