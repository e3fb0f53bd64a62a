//! The output of a monitor.

use super::finding::Finding;
use super::sample::Sample;

/// A sample, and the changes of findings that it caused.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The sample.
    pub sample: Sample,
    /// What changed.
    pub changes: Vec<Change>,
    /// All open findings, most severe first.
    pub open: Vec<Finding>,
}

/// A change of a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is new.
    Opened(Finding),
    /// Its severity has changed.
    Severity(Finding),
    /// It no longer holds.
    Cleared(Finding),
}

/// Receives every observation, on the monitor's thread. An observer that takes long delays the next
/// sample, which is then marked as late.
pub trait Observer: Send {
    /// Receives an observation.
    fn observe(&mut self, observation: &Observation);
}

impl<F: FnMut(&Observation) + Send> Observer for F {
    fn observe(&mut self, observation: &Observation) {
        self(observation);
    }
}

impl Change {
    /// The finding.
    #[must_use]
    pub fn finding(&self) -> &Finding {
        match self {
            Self::Opened(finding) | Self::Severity(finding) | Self::Cleared(finding) => finding,
        }
    }
}
