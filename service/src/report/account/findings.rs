//! Findings, grouped by their subject.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Account;
use crate::history::{FindingChange, FindingLine};
use backstop_core::monitor::{Finding, FindingKind, FindingSubject, Severity, Suggestion};

/// The findings of a period.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FindingsAccount {
    /// How often one was opened.
    pub opened: u64,
    /// How often one was cleared.
    pub cleared: u64,
    /// How many are open at the end.
    pub open: u64,
    /// The findings, open ones first, most severe first; at most [`Account::FINDINGS`].
    pub list: Vec<FindingAccount>,
    /// How many are not listed.
    pub omitted: u64,
}

/// The findings of one kind about one subject.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingAccount {
    /// Its last state.
    #[serde(flatten)]
    pub finding: Finding,
    /// Its status.
    pub state: FindingState,
    /// When its run ended, if it was open then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// How often it was opened in the period.
    pub opened: u64,
    /// The highest severity that it had.
    pub worst: Severity,
    /// What to do about it, as of the last change while it was open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

/// The status of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// It is open.
    Open,
    /// It was open when its run ended.
    Ended,
    /// It was cleared.
    Cleared,
}

impl FindingAccount {
    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == FindingState::Open
    }
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    known: BTreeMap<(FindingKind, FindingSubject), FindingAccount>,
    opened: u64,
    cleared: u64,
    omitted: u64,
}

impl Findings {
    pub(super) fn take(&mut self, line: FindingLine, from: Timestamp) {
        let is_within = line.at.time >= from;
        let FindingLine {
            change,
            finding,
            suggestions,
            ..
        } = line;
        let is_cleared = change == FindingChange::Cleared;
        self.opened += u64::from(is_within && change == FindingChange::Opened);
        self.cleared += u64::from(is_within && is_cleared);
        let key = (finding.kind, finding.subject.clone());
        if !is_within && is_cleared {
            self.known.remove(&key);
            return;
        }
        if !self.known.contains_key(&key) && self.known.len() >= Account::FINDINGS {
            self.omitted += u64::from(change == FindingChange::Opened);
            return;
        }
        let known = self.known.entry(key).or_insert_with(|| FindingAccount {
            finding: finding.clone(),
            state: FindingState::Open,
            ended: None,
            opened: 0,
            worst: finding.severity,
            suggestions: Vec::new(),
        });
        known.worst = known.worst.max(finding.severity);
        known.opened += u64::from(is_within && change == FindingChange::Opened);
        known.state = match is_cleared {
            true => FindingState::Cleared,
            false => FindingState::Open,
        };
        known.ended = None;
        if !suggestions.is_empty() {
            known.suggestions = suggestions;
        }
        known.finding = finding;
    }

    /// A run ended: its open findings will not be cleared any more.
    pub(super) fn run_ended(&mut self, at: Timestamp, from: Timestamp) {
        if at < from {
            self.known.clear();
        }
        for known in self.known.values_mut().filter(|known| known.is_open()) {
            known.state = FindingState::Ended;
            known.ended = Some(at);
        }
    }

    pub(super) fn finish(self) -> FindingsAccount {
        let mut list: Vec<_> = self.known.into_values().collect();
        list.sort_by(|one, other| {
            let rank = |known: &FindingAccount| (known.state, std::cmp::Reverse(known.worst));
            rank(one).cmp(&rank(other))
        });
        FindingsAccount {
            opened: self.opened,
            cleared: self.cleared,
            open: list.iter().filter(|known| known.is_open()).count() as u64,
            list,
            omitted: self.omitted,
        }
    }
}
