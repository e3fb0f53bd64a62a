//! Findings over a short window in addition to the long one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::findings::Findings;
use super::limits::{LimitError, Limits};
use super::observation::Change;
use super::sample::Sample;
use super::{Finding, FindingKind, FindingSubject, Severity};
use crate::resource::Bytes;

/// How many samples the short window holds.
const SAMPLES: u32 = 16;

/// Growth by a fifth of the limit within the short window is reported.
const SHARE: u64 = 5;

/// The findings of a short window, and how they are merged with those of the long one: what is open over
/// either is open.
#[derive(Debug)]
pub(super) struct ShortWindow {
    findings: Findings,
    open: Vec<Finding>,
}

type Key = (FindingKind, FindingSubject);

impl ShortWindow {
    /// `None` if it would not be shorter than the window of `limits`.
    pub(super) fn beside(limits: &Limits, interval: Duration) -> Result<Option<Self>, LimitError> {
        let window = interval.saturating_mul(SAMPLES);
        if window >= limits.window() {
            return Ok(None);
        }
        let growth = Bytes((limits.growth().0 / SHARE).max(1));
        let count = (limits.count_growth() / SHARE).max(1);
        let limits = limits
            .clone()
            .with_window(window)?
            .with_growth(growth)?
            .with_count_growth(count)?;
        Ok(Some(Self {
            findings: Findings::new(limits),
            open: Vec::new(),
        }))
    }

    /// Takes a sample for both windows, and returns the changes of the two together.
    pub(super) fn observe(&mut self, long: &mut Findings, sample: &Sample) -> Vec<Change> {
        let mut now: BTreeMap<Key, Finding> = BTreeMap::new();
        let mut cleared: BTreeMap<Key, Finding> = BTreeMap::new();
        for findings in [&mut self.findings, long] {
            for change in findings.observe(sample) {
                if let Change::Cleared(finding) = change {
                    cleared.insert(key(&finding), finding);
                }
            }
            for finding in findings.open() {
                let is_worse = |known: &Finding| known.severity < finding.severity;
                if now.get(&key(&finding)).is_none_or(is_worse) {
                    now.insert(key(&finding), finding);
                }
            }
        }
        let mut before: BTreeMap<Key, Severity> = self
            .open
            .iter()
            .map(|finding| (key(finding), finding.severity))
            .collect();
        let mut changes = Vec::new();
        for (key, finding) in &now {
            match before.remove(key) {
                None => changes.push(Change::Opened(finding.clone())),
                Some(severity) if severity != finding.severity => {
                    changes.push(Change::Severity(finding.clone()));
                }
                Some(_) => {}
            }
        }
        // What remains was open and is not any more.
        for key in before.into_keys() {
            changes.extend(cleared.remove(&key).map(Change::Cleared));
        }
        self.open = now.into_values().collect();
        self.open
            .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        changes
    }

    /// All findings that are open over either window, the worst first.
    pub(super) fn open(&self) -> Vec<Finding> {
        self.open.clone()
    }
}

fn key(finding: &Finding) -> Key {
    (finding.kind, finding.subject.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{Moment, ProcessSample};

    #[test]
    fn a_clear_growth_is_reported_long_before_the_long_window_is_full() {
        let limits = Limits::default().with_warm_up(Duration::ZERO);
        let mut long = Findings::new(limits.clone());
        let interval = Duration::from_secs(1);
        let mut short = ShortWindow::beside(&limits, interval).unwrap().unwrap();
        let start = Moment::now();
        let mut opened = Vec::new();
        let mut counts = (0, 0);
        for second in 0..120_u64 {
            let handles = Some(100 + 20 * second.min(60));
            let sample = Sample {
                at: start.later(interval * second as u32),
                disturbances: Vec::new(),
                process: ProcessSample {
                    handles,
                    ..ProcessSample::default()
                },
                system: None,
                ledger: None,
                left_out: Vec::new(),
            };
            for change in short.observe(&mut long, &sample) {
                match change {
                    Change::Opened(finding) => {
                        counts.0 += 1;
                        opened.push((second, finding.kind));
                    }
                    Change::Cleared(_) => counts.1 += 1,
                    Change::Severity(_) => {}
                }
            }
            assert_eq!(short.open().len(), counts.0 - counts.1, "at {second}");
        }
        let (second, kind) = opened[0];
        assert_eq!(kind, FindingKind::GrowingHandles);
        assert!(second <= 20, "{second}");
    }

    #[test]
    fn a_window_that_is_short_itself_stands_alone() {
        let limits = Limits::default()
            .with_window(Duration::from_secs(10))
            .unwrap();
        let short = ShortWindow::beside(&limits, Duration::from_secs(1)).unwrap();
        assert!(short.is_none());
    }
}
