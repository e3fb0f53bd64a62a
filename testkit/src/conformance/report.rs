//! What a conformance run covered.

use std::collections::BTreeSet;
use std::fmt;

/// How many behaviours the suite has: one that is no longer run is missed here.
const BEHAVIOURS: usize = 22;

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
    /// Those that could not be run here, and why. Each was also reported by [`skip`](crate::skip).
    pub skipped: Vec<(&'static str, String)>,
}

impl ConformanceReport {
    /// Asserts that every behaviour held but these, which this kind does not have, and those that were
    /// [skipped](Self::skipped): a skip is reported as one, and CI fails by it.
    ///
    /// # Panics
    /// Another behaviour was left out, or one of these held, or there is no behaviour of such a name.
    #[track_caller]
    pub fn assert_all_but(&self, not_applicable: &[&str]) {
        // In a process that plays a part nothing was checked.
        if self.suite.is_empty() {
            return;
        }
        let skipped = self.skipped.iter().map(|(name, _)| *name);
        let left_out: BTreeSet<_> = self.not_applicable.iter().map(|(name, _)| *name).collect();
        let expected: BTreeSet<_> = not_applicable.iter().copied().collect();
        let unexpected: Vec<_> = left_out.difference(&expected).collect();
        assert!(unexpected.is_empty(), "not checked: {unexpected:?}\n{self}");
        let skipped: BTreeSet<_> = skipped.collect();
        let accounted_for: BTreeSet<_> = left_out.union(&skipped).copied().collect();
        let held: Vec<_> = expected.difference(&accounted_for).collect();
        assert!(held.is_empty(), "these are checked: {held:?}\n{self}");
        let all = self.ran.len() + self.not_applicable.len() + self.skipped.len();
        assert_eq!(all, BEHAVIOURS, "{self}");
    }
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
