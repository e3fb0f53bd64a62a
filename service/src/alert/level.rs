//! The level of an alert.

use std::fmt;

use serde::{Deserialize, Serialize};

use backstop_core::monitor::Severity;

/// The level of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// From a finding of medium severity, or of a low one if those are enabled.
    Warning,
    /// From a finding of high severity.
    Error,
    /// From a critical finding.
    Critical,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Self; 3] = [Self::Warning, Self::Error, Self::Critical];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Low | Severity::Medium => Self::Warning,
            Severity::High => Self::Error,
            Severity::Critical => Self::Critical,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
