//! Why an act on a process is refused.

/// The process that was recorded cannot be acted on; each reason carries its evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[must_use]
pub enum Refusal {
    /// It is gone: nothing is left to do.
    #[error("gone: {evidence}")]
    Gone {
        /// Whether it still waits for its parent to ask for its status.
        unreaped: bool,
        /// What shows it.
        evidence: String,
    },
    /// Its number belongs to another process by now; the recorded one is gone.
    #[error("another process: {evidence}")]
    Different {
        /// What shows it.
        evidence: String,
    },
    /// It may be the recorded one, but nothing proves it.
    #[error("identity cannot be proven: {evidence}")]
    Unprovable {
        /// What is missing.
        evidence: String,
    },
}

impl Refusal {
    /// Whether the refusal proves that the recorded process no longer runs.
    #[must_use]
    pub fn proves_gone(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::Different { .. })
    }
}
