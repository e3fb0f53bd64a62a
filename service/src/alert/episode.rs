//! The alerts of one finding, from the first to the last: pure; the caller passes the time.

use std::time::Duration;

use super::level::Level;
use super::message::Transition;
use super::rules::AlertRules;
use backstop_core::monitor::Finding;

/// The state of one finding, and what was reported about it.
#[derive(Debug)]
pub(super) struct Episode {
    finding: Finding,
    /// The finding's level now; `None` if it is cleared or below the threshold.
    now: Option<Level>,
    /// The level that the alert should have: follows `now` up immediately, and down after a calm.
    wanted: Option<Level>,
    below_since: Option<Duration>,
    told: Option<Level>,
    /// The last one reported, resolved or not, and when.
    last: Option<(Level, Duration)>,
    /// Changes since then.
    changes: u64,
    /// The sample in which it was last seen.
    pub(super) look: u64,
}

impl Episode {
    pub(super) fn new(finding: &Finding) -> Self {
        Self {
            finding: finding.clone(),
            now: None,
            wanted: None,
            below_since: None,
            told: None,
            last: None,
            changes: 0,
            look: 0,
        }
    }

    pub(super) fn finding(&self) -> &Finding {
        &self.finding
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// The level that it should have.
    pub(super) fn wanted(&self) -> Option<Level> {
        self.wanted
    }

    /// The finding has this state.
    pub(super) fn see(&mut self, finding: &Finding, level: Option<Level>) {
        self.finding.clone_from(finding);
        self.become_level(level);
    }

    /// The finding was not seen.
    pub(super) fn miss(&mut self) {
        self.become_level(None);
    }

    fn become_level(&mut self, level: Option<Level>) {
        if level != self.now {
            self.now = level;
            self.changes += 1;
        }
    }

    /// Follows the finding at this time: up immediately, down after a calm.
    pub(super) fn follow(&mut self, at: Duration, rules: &AlertRules) {
        if self.now >= self.wanted {
            self.wanted = self.now;
            self.below_since = None;
            return;
        }
        let since = *self.below_since.get_or_insert(at);
        // An alert that was never reported needs no calm before it is dropped.
        if at.saturating_sub(since) >= rules.calm || self.told.is_none() {
            self.wanted = self.now;
            self.below_since = None;
        }
    }

    /// What is to be reported at this time, if anything.
    pub(super) fn due(&self, at: Duration, rules: &AlertRules) -> Option<(Transition, Level)> {
        let since = self.last.map(|(_, last)| at.saturating_sub(last));
        let (transition, level) = match (self.wanted, self.told) {
            (Some(wanted), None) => (Transition::Raised, wanted),
            (Some(wanted), Some(told)) if wanted > told => (Transition::Worsened, wanted),
            (Some(wanted), Some(told)) if wanted < told => (Transition::Eased, wanted),
            (None, Some(told)) => (Transition::Resolved, told),
            (None, None) => return None,
            (Some(wanted), Some(_)) => {
                let due = since >= Some(rules.reminder?) && self.below_since.is_none();
                return due.then_some((Transition::Reminded, wanted));
            }
        };
        let rises = self.wanted > self.last.map(|(level, _)| level);
        let waited = since.is_none_or(|since| since >= rules.interval);
        (rises || waited).then_some((transition, level))
    }

    /// It was reported; returns how many changes had no alert of their own.
    pub(super) fn tell(&mut self, transition: Transition, level: Level, at: Duration) -> u64 {
        self.told = match transition {
            Transition::Resolved => None,
            _ => Some(level),
        };
        self.last = Some((level, at));
        // The change that is held back by the calm is still to be reported.
        let held_back = u64::from(self.now != self.wanted);
        let changes = self.changes.saturating_sub(held_back);
        self.changes = held_back;
        match transition {
            Transition::Reminded => changes,
            _ => changes.saturating_sub(1),
        }
    }

    /// Whether nothing is left to report, and no interval applies.
    pub(super) fn is_over(&self, at: Duration, rules: &AlertRules) -> bool {
        self.wanted.is_none()
            && self.told.is_none()
            && self
                .last
                .is_none_or(|(_, last)| at.saturating_sub(last) >= rules.interval)
    }
}
