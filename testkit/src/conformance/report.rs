//! What a conformance run covered.

use std::fmt;

/// The behaviours that were run, and those that were not, with the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct ConformanceReport {
    /// The subject.
    pub suite: String,
    /// The behaviours that were run and held.
    pub ran: Vec<&'static str>,
    /// Those that this kind of resource does not have, and why.
    pub not_applicable: Vec<(&'static str, String)>,
    /// Those that could not be run here, and why. Each was also said by [`skip`](crate::skip).
    pub skipped: Vec<(&'static str, String)>,
}

impl fmt::Display for ConformanceReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "conformance of {}", self.suite)?;
        for name in &self.ran {
            writeln!(formatter, "  held      {name}")?;
        }
        for (name, reason) in &self.not_applicable {
            writeln!(formatter, "  no such   {name}: {reason}")?;
        }
        for (name, reason) in &self.skipped {
            writeln!(formatter, "  skipped   {name}: {reason}")?;
        }
        Ok(())
    }
}
