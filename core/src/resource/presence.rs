//! Whether a resource is still there.

/// What a probe saw when it looked for a released resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Presence {
    /// It is gone.
    Gone,
    /// It is still there, held by whoever is named.
    Present {
        /// Who holds it, where that can be told: a process, a thread, a path.
        holder: Option<String>,
    },
    /// It could not be looked for, and why.
    Unknown {
        /// Why not.
        reason: String,
    },
}

impl Presence {
    /// Still there, held by `holder`.
    pub fn present(holder: impl Into<String>) -> Self {
        Self::Present {
            holder: Some(holder.into()),
        }
    }

    /// Not to be told, for `reason`.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown {
            reason: reason.into(),
        }
    }

    /// Whether the probe saw that it is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }
}
