//! The open findings, in bounded memory.

use std::collections::BTreeMap;
use std::time::Duration;

use super::detect::Sighting;
use super::recent::Recent;
use super::{Change, Finding, FindingKind, FindingSubject, Moment};

/// The identity of a finding.
pub(super) type Key = (FindingKind, FindingSubject);

/// The open findings. Sites share [`OpenFindings::MOST`] places; further ones are counted.
#[derive(Debug)]
pub(super) struct OpenFindings {
    open: BTreeMap<Key, Open>,
    openings: Recent<Key, u64>,
    beyond: BTreeMap<FindingKind, u64>,
    /// How long a finding must have been less severe before its severity is lowered.
    patience: Duration,
    /// After how long without a sighting a finding is cleared.
    silence: Duration,
}

#[derive(Debug)]
struct Open {
    finding: Finding,
    milder_since: Option<Moment>,
}

impl OpenFindings {
    /// Maximum number of open findings.
    pub(super) const MOST: usize = 1024;
    /// Places reserved for the process, the machine and kinds: they never lose their place to
    /// sites.
    const RESERVED: usize = 128;

    pub(super) fn new(patience: Duration, silence: Duration) -> Self {
        Self {
            open: BTreeMap::new(),
            openings: Recent::of(Self::MOST * 2),
            beyond: BTreeMap::new(),
            patience,
            silence,
        }
    }

    /// A detector reports that something holds.
    pub(super) fn see(&mut self, sighting: Sighting, at: Moment) -> Option<Change> {
        let key = (sighting.kind, sighting.subject.clone());
        if let Some(open) = self.open.get_mut(&key) {
            return open.see(sighting, at, self.patience);
        }
        if self.is_full_for(&sighting.subject) {
            *self.beyond.entry(sighting.kind).or_default() += 1;
            return None;
        }
        Some(self.open(key, sighting, at))
    }

    /// A detector reports that something does not hold.
    pub(super) fn clear(&mut self, key: &Key, at: Moment) -> Option<Change> {
        let open = self.open.remove(key)?;
        Some(cleared(open, at))
    }

    /// Clears all for which `is_over` returns true.
    pub(super) fn clear_where(
        &mut self,
        at: Moment,
        is_over: impl Fn(&Finding) -> bool,
    ) -> Vec<Change> {
        let over = self.open.extract_if(.., |_, open| is_over(&open.finding));
        over.map(|(_, open)| cleared(open, at)).collect()
    }

    /// All of which nothing was heard for long. What is read only every `gap` has two of them more.
    pub(super) fn clear_silent(
        &mut self,
        at: Moment,
        gap: impl Fn(FindingKind) -> Duration,
    ) -> Vec<Change> {
        let silence = self.silence;
        self.clear_where(at, |finding| {
            let longest = silence.saturating_add(gap(finding.kind).saturating_mul(2));
            at.since(&finding.last_seen) >= longest
        })
    }

    /// All, most severe first, then those open for longest.
    pub(super) fn all(&self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.iter().cloned().collect();
        all.sort_by(|left, right| {
            let worst_first = right.severity.cmp(&left.severity);
            worst_first.then(left.first_seen.awake.cmp(&right.first_seen.awake))
        });
        all
    }

    /// All, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.open.values().map(|open| &open.finding)
    }

    pub(super) fn beyond(&self) -> &BTreeMap<FindingKind, u64> {
        &self.beyond
    }

    fn is_full_for(&self, subject: &FindingSubject) -> bool {
        let most = match subject {
            FindingSubject::Site { .. } => Self::MOST - Self::RESERVED,
            _ => Self::MOST,
        };
        self.open.len() >= most
    }

    fn open(&mut self, key: Key, sighting: Sighting, at: Moment) -> Change {
        let openings = self.openings.value(&key, || 0);
        *openings += 1;
        let finding = Finding {
            kind: sighting.kind,
            subject: sighting.subject,
            severity: sighting.severity,
            evidence: sighting.evidence,
            first_seen: at,
            last_seen: at,
            cleared: None,
            seen: 1,
            openings: *openings,
        };
        let change = Change::Opened(finding.clone());
        let milder_since = None;
        self.open.insert(
            key,
            Open {
                finding,
                milder_since,
            },
        );
        change
    }
}

impl Open {
    /// The severity rises immediately, and falls only after a while: a measure that wavers between
    /// two severities causes no changes. Limits have their own margin.
    fn see(&mut self, sighting: Sighting, at: Moment, patience: Duration) -> Option<Change> {
        self.finding.last_seen = at;
        self.finding.seen += 1;
        self.finding.evidence = sighting.evidence;
        if sighting.severity == self.finding.severity {
            self.milder_since = None;
            return None;
        }
        if sighting.severity < self.finding.severity && sighting.kind.is_leak() {
            let since = *self.milder_since.get_or_insert(at);
            if at.since(&since) < patience {
                return None;
            }
        }
        self.milder_since = None;
        self.finding.severity = sighting.severity;
        Some(Change::Severity(self.finding.clone()))
    }
}

fn cleared(open: Open, at: Moment) -> Change {
    let mut finding = open.finding;
    finding.cleared = Some(at);
    Change::Cleared(finding)
}
