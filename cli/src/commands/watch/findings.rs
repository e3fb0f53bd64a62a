//! Findings for somebody who looks on: over a short window, to name a clear growth at once, and over a
//! long one, to name a slow one at all.

use std::collections::BTreeMap;
use std::time::Duration;

use backstop_core::monitor::{
    Change, Finding, FindingKind, Findings, Limits, Sample, Severity, Subject,
};
use backstop_core::resource::Bytes;

use crate::exit::Failure;

/// How many samples the short window holds.
const SHORT: u32 = 16;
/// Who grows by a fifth of what is too much in so short a time grows fast.
const QUICK_SHARE: u64 = 5;

pub(super) struct WatchFindings {
    over: Vec<Findings>,
    open: Vec<Finding>,
}

type Which = (FindingKind, Subject);

impl WatchFindings {
    /// With `window`, over that only.
    pub(super) fn new(
        limits: Limits,
        interval: Duration,
        window: Option<Duration>,
    ) -> Result<Self, Failure> {
        let short = interval.saturating_mul(SHORT);
        let mut over = Vec::new();
        if window.is_none() && short < limits.window() {
            let growth = Bytes((limits.growth().0 / QUICK_SHARE).max(1));
            let quick = limits
                .clone()
                .with_window(short)
                .and_then(|limits| limits.with_growth(growth))
                .and_then(|limits| {
                    let count = (limits.count_growth() / QUICK_SHARE).max(1);
                    limits.with_count_growth(count)
                })
                .map_err(|error| Failure::usage(error.to_string()))?;
            over.push(Findings::new(quick));
        }
        over.push(Findings::new(limits));
        Ok(Self {
            over,
            open: Vec::new(),
        })
    }

    /// All that are open over either, the worst first.
    pub(super) fn open(&self) -> &[Finding] {
        &self.open
    }

    /// Takes a sample, and says what became of the findings of both together: one that is open over
    /// either window is open.
    pub(super) fn observe(&mut self, sample: &Sample) -> Vec<Change> {
        let mut now: BTreeMap<Which, Finding> = BTreeMap::new();
        let mut cleared: BTreeMap<Which, Finding> = BTreeMap::new();
        for findings in &mut self.over {
            for change in findings.observe(sample) {
                if let Change::Cleared(finding) = change {
                    cleared.insert(which(&finding), finding);
                }
            }
            for finding in findings.open() {
                let worse = |known: &Finding| known.severity < finding.severity;
                if now.get(&which(&finding)).is_none_or(worse) {
                    now.insert(which(&finding), finding);
                }
            }
        }
        let mut before: BTreeMap<Which, Severity> = self
            .open
            .iter()
            .map(|finding| (which(finding), finding.severity))
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
        // What is left was open, and is not any more.
        for key in before.into_keys() {
            changes.extend(cleared.remove(&key).map(Change::Cleared));
        }
        self.open = now.into_values().collect();
        self.open
            .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        changes
    }
}

fn which(finding: &Finding) -> Which {
    (finding.kind, finding.subject.clone())
}
