//! Leaks and near limits, from one sample to the next.

use std::collections::BTreeMap;
use std::time::Duration;

use super::detect::{Detectors, Look, Scene};
use super::leak_tally::LeakTallies;
use super::open_findings::OpenFindings;
use super::{
    Change, Disturbance, Finding, FindingKind, FindingSubject, LeakTally, Limits, Moment, Sample,
};

/// The findings of one process, derived from its samples in the order of time.
///
/// # Guarantees
/// - Each finding opens before it clears, and clears when it no longer holds; it may open again,
///   and then has a higher count. [`Findings::open`] is the sum of all changes.
/// - Its memory is bounded, whatever the samples contain: at most [`Findings::MOST_OPEN`] are open.
///   What was dropped is counted in [`Findings::loss`].
/// - Durations do not include time suspended. After a suspension, growth is measured from scratch
///   after another warm-up, and open findings stay open until they can be checked again.
///
/// # When it does not hold
/// Growth is distinguished from a plateau, a step, a sawtooth and noise by its course in the
/// window: a measure that fills up for longer than the window, or falls back after longer than the
/// window, is found, and cleared then. A leak hidden by a peak is found within six windows after
/// the peak, or when it is higher.
///
/// What is read so rarely that a window has fewer than eight readings is found over a wider one, which the
/// evidence names: later by as much, and something that rises and falls within a few readings may look
/// like growth until it falls.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_core::monitor::{Change, FindingKind, Findings, Limits, Moment, ProcessSample, Sample};
///
/// let mut findings = Findings::new(Limits::default());
/// let start = Moment::now();
/// // Five more handles every half minute.
/// for round in 0..30 {
///     let sample = Sample {
///         at: start.later(Duration::from_secs(30 * round)),
///         disturbances: Vec::new(),
///         left_out: Vec::new(),
///         process: ProcessSample { handles: Some(100 + 5 * round), ..ProcessSample::default() },
///         system: None,
///         ledger: None,
///     };
///     for change in findings.observe(&sample) {
///         assert!(matches!(change, Change::Opened(_)));
///     }
/// }
/// let open = findings.open();
/// assert_eq!(open[0].kind, FindingKind::GrowingHandles);
/// assert!(open[0].evidence.text.starts_with("handles grew by 100 in 10 min, 600/hour"));
/// ```
#[derive(Debug)]
pub struct Findings {
    limits: Limits,
    detectors: Detectors,
    open: OpenFindings,
    tallies: LeakTallies,
    last: Option<Last>,
}

/// What was dropped because a maximum was reached, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// Findings that were seen but not kept, by kind. One that was seen in ten samples counts ten
    /// times.
    pub findings: BTreeMap<FindingKind, u64>,
    /// Suspects that did not fit into the latest sample.
    pub suspects: u64,
    /// Kinds and sites whose measurements were dropped.
    pub series: u64,
    /// Sites whose tallies were dropped.
    pub tallies: u64,
}

/// What is kept of the previous sample.
#[derive(Debug, Clone, Copy)]
struct Last {
    at: Moment,
    pid: i32,
    /// The time from which growth counts.
    warm: Duration,
    other_suspects: u64,
}

impl Findings {
    /// The maximum number of open findings.
    pub const MOST_OPEN: usize = OpenFindings::MOST;

    /// Without any findings.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let window = limits.window();
        let silence = window.saturating_mul(2).saturating_add(limits.warm_up());
        Self {
            detectors: Detectors::new(&limits),
            open: OpenFindings::new(window / 4, silence),
            tallies: LeakTallies::new(),
            last: None,
            limits,
        }
    }

    /// Takes a sample, and returns the changes of the findings. A sample that is not later than the
    /// previous one changes nothing.
    pub fn observe(&mut self, sample: &Sample) -> Vec<Change> {
        if self
            .last
            .is_some_and(|last| sample.at.awake <= last.at.awake)
        {
            return Vec::new();
        }
        let mut changes = self.restart_if_another(sample);
        let has_slept = self.has_slept(sample);
        if has_slept {
            self.detectors.forget_measures();
        }
        let warm = match self.last {
            Some(last) if !has_slept => last.warm,
            _ => sample.at.awake.saturating_add(self.limits.warm_up()),
        };
        self.last = Some(Last {
            at: sample.at,
            pid: sample.process.pid,
            warm,
            other_suspects: sample
                .ledger
                .as_ref()
                .map_or(0, |ledger| ledger.other_suspects),
        });
        let look = self.detectors.look(Scene {
            sample,
            limits: &self.limits,
            is_warm: sample.at.awake >= warm,
            has_slept,
        });
        changes.extend(self.apply(look, sample.at));
        self.tallies.take(&changes, sample.ledger.as_ref());
        changes
    }

    /// All open findings, most severe first.
    #[must_use]
    pub fn open(&self) -> Vec<Finding> {
        self.open.all()
    }

    /// The thresholds for findings.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The leaks of each site, most frequent first.
    #[must_use]
    pub fn leaks(&self) -> Vec<LeakTally> {
        let rate = |kind: &str, site: &str| self.detectors.site_rate(kind, site);
        self.tallies.all(rate)
    }

    /// What was dropped because a maximum was reached.
    #[must_use]
    pub fn loss(&self) -> Loss {
        Loss {
            findings: self.open.beyond().clone(),
            suspects: self.last.map_or(0, |last| last.other_suspects),
            series: self.detectors.forgotten(),
            tallies: self.tallies.forgotten(),
        }
    }

    /// Another process with the same name is monitored now: earlier findings no longer hold.
    fn restart_if_another(&mut self, sample: &Sample) -> Vec<Change> {
        if self.last.is_none_or(|last| last.pid == sample.process.pid) {
            return Vec::new();
        }
        self.last = None;
        self.detectors = Detectors::new(&self.limits);
        let is_of_process = |finding: &Finding| finding.subject != FindingSubject::System;
        self.open.clear_where(sample.at, is_of_process)
    }

    fn has_slept(&self, sample: &Sample) -> bool {
        let told = sample.disturbances.iter();
        let seen = self
            .last
            .map_or(Vec::new(), |last| sample.at.disturbances_since(&last.at));
        told.chain(&seen)
            .any(|disturbance| matches!(disturbance, Disturbance::Suspended { .. }))
    }

    fn apply(&mut self, look: Look, at: Moment) -> Vec<Change> {
        let mut changes = Vec::new();
        let over = look.not_so.iter();
        changes.extend(over.filter_map(|key| self.open.clear(key, at)));
        for sighting in look.so {
            changes.extend(self.open.see(sighting, at));
        }
        let is_unseen = |finding: &Finding| {
            look.complete.contains(&finding.kind) && finding.last_seen.awake < at.awake
        };
        changes.extend(self.open.clear_where(at, is_unseen));
        let gap = |kind| self.detectors.gap(kind);
        changes.extend(self.open.clear_silent(at, gap));
        changes
    }
}
