//! Releases that end stuck, as a share of those within the window.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Look, Scene, Sighting, figures};
use crate::monitor::{Evidence, FindingKind, FindingSubject, Limits, Severity, Unit};

/// Monitors the share of releases that end stuck: above 1 % is low, 5 % medium, 20 % high, 50 %
/// critical. It clears below half a percent. Releases that were stuck before the first sample are
/// ignored.
#[derive(Debug)]
pub(super) struct FailedCleanups {
    window: Duration,
    step: Duration,
    counts: VecDeque<Counts>,
    is_open: bool,
}

#[derive(Debug, Clone, Copy)]
struct Counts {
    at: Duration,
    released: u64,
    stuck: u64,
}

impl FailedCleanups {
    const POINTS: u32 = 60;
    const OPENS: f64 = 0.01;
    const CLEARS: f64 = 0.005;

    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            window: limits.window(),
            step: limits.window() / Self::POINTS,
            counts: VecDeque::new(),
            is_open: false,
        }
    }

    pub(super) fn look(&mut self, scene: Scene<'_>, look: &mut Look) {
        let Some(ledger) = &scene.sample.ledger else {
            return;
        };
        let now = Counts {
            at: scene.sample.at.awake,
            released: ledger.released,
            stuck: ledger.stuck,
        };
        let before = self.at_the_windows_beginning(now);
        let stuck = now.stuck.saturating_sub(before.stuck);
        let all = stuck.saturating_add(now.released.saturating_sub(before.released));
        let share = stuck as f64 / (all as f64).max(1.0);
        let least = if self.is_open {
            Self::CLEARS
        } else {
            Self::OPENS
        };
        self.is_open = share > least;
        if !self.is_open {
            look.not_so
                .push((FindingKind::FailedCleanup, FindingSubject::Process));
            return;
        }
        let severity = match share {
            0.5.. => Severity::Critical,
            0.2.. => Severity::High,
            0.05.. => Severity::Medium,
            _ => Severity::Low,
        };
        let span = figures::span(now.at.saturating_sub(before.at));
        let text = format!(
            "{stuck} of {all} releases of the last {span} ended stuck, {:.1} %",
            share * 100.0
        );
        look.so.push(Sighting {
            kind: FindingKind::FailedCleanup,
            subject: FindingSubject::Process,
            severity,
            evidence: Evidence {
                value: share * 100.0,
                limit: Self::OPENS * 100.0,
                unit: Unit::Percent,
                per_hour: None,
                text,
                sparse: None,
            },
            window: None,
        });
    }

    /// Takes the counts, and returns those of a window ago, or the first ones available.
    fn at_the_windows_beginning(&mut self, now: Counts) -> Counts {
        let is_due = self
            .counts
            .back()
            .is_none_or(|last| now.at.saturating_sub(last.at) >= self.step);
        if is_due {
            self.counts.push_back(now);
        }
        while self
            .counts
            .get(1)
            .is_some_and(|next| now.at.saturating_sub(next.at) >= self.window)
        {
            self.counts.pop_front();
        }
        self.counts.front().copied().unwrap_or(now)
    }
}
