//! Why an action on a process is refused.

/// The recorded process cannot be acted on; each reason carries its evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[must_use]
pub enum Refusal {
    /// It is gone: nothing is left to do.
    #[error("gone: {evidence}")]
    Gone {
        /// Whether it still waits for its parent to reap it.
        unreaped: bool,
        /// The evidence.
        evidence: String,
    },
    /// Its PID now belongs to another process; the recorded one is gone.
    #[error("another process: {evidence}")]
    Different {
        /// The evidence.
        evidence: String,
    },
    /// It may be the recorded process, but there is no proof.
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
