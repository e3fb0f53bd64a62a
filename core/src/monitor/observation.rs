//! What a monitor gives to those who act on it.

use super::finding::Finding;
use super::sample::Sample;

/// A sample, and what became of the findings by it.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The sample.
    pub sample: Sample,
    /// What changed.
    pub changes: Vec<Change>,
    /// All findings that are open now, the worst first.
    pub open: Vec<Finding>,
}

/// What became of a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is new.
    Opened(Finding),
    /// Its severity is another one.
    Severity(Finding),
    /// It is no longer so.
    Cleared(Finding),
}

/// Gets every observation, on the monitor's thread. Whoever takes long delays the next sample, which is
/// then disclosed as late.
pub trait Observer: Send {
    /// Takes an observation.
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
