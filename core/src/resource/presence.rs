//! Whether a resource still exists.

/// The result of a probe for a released resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Presence {
    /// It is gone.
    Gone,
    /// It still exists.
    Present {
        /// What holds it, if known: a process, a thread, a path.
        holder: Option<String>,
    },
    /// It could not be determined.
    Unknown {
        /// The reason.
        reason: String,
    },
}

impl Presence {
    /// It still exists, held by `holder`.
    pub fn present(holder: impl Into<String>) -> Self {
        Self::Present {
            holder: Some(holder.into()),
        }
    }

    /// It could not be determined, for `reason`.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown {
            reason: reason.into(),
        }
    }

    /// Whether the probe found that it is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }
}
