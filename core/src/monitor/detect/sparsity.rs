//! How thinly expensive readings were sampled, and what that means for the findings made of them.

use std::time::Duration;

use super::figures;
use crate::monitor::readings::{ReadingTally, Readings};
use crate::monitor::{Evidence, ExpensiveReading, FindingKind, Sample, Sparse};

/// Counts the readings that findings are made of, and how far apart they were taken.
#[derive(Debug, Default)]
pub(super) struct Sparsity {
    readings: Readings,
    gaps: [Gap; ExpensiveReading::ALL.len()],
}

#[derive(Debug, Default, Clone, Copy)]
struct Gap {
    taken_at: Option<Duration>,
    /// Between the last two that were taken.
    last: Duration,
    /// Since the last that was taken, while it is left out.
    open: Duration,
}

impl Sparsity {
    pub(super) fn observe(&mut self, sample: &Sample) {
        self.readings.observe(sample);
        for reading in ExpensiveReading::ALL {
            let gap = &mut self.gaps[reading as usize];
            let now = sample.at.awake;
            let passed = gap.taken_at.map(|at| now.saturating_sub(at));
            if sample.left_out.contains(&reading) {
                gap.open = passed.unwrap_or_default();
            } else if reading.is_in(sample) {
                gap.last = passed.unwrap_or_default();
                gap.open = Duration::ZERO;
                gap.taken_at = Some(now);
            }
        }
    }

    /// How far apart the readings for such findings are taken; nothing unless some are left out.
    pub(super) fn gap(&self, kind: FindingKind) -> Duration {
        let Some(reading) = made_of(kind) else {
            return Duration::ZERO;
        };
        let gap = &self.gaps[reading as usize];
        match self.readings.of(reading).left_out {
            0 => Duration::ZERO,
            _ => gap.last.max(gap.open),
        }
    }

    /// Says in the evidence of such a finding what it lacks.
    pub(super) fn disclose(
        &self,
        kind: FindingKind,
        window: Option<Duration>,
        evidence: &mut Evidence,
    ) {
        let reading = made_of(kind);
        let tally = reading.map_or(ReadingTally::default(), |reading| self.readings.of(reading));
        if tally.left_out == 0 && window.is_none() {
            return;
        }
        if let Some(reading) = reading.filter(|_| tally.left_out > 0) {
            evidence.text.push_str(&format!(
                "; {reading} read in {} of {} samples, because its readings cost more than their budget",
                tally.taken,
                tally.due(),
            ));
        }
        if let Some(window) = window {
            let window = figures::span(window);
            evidence.text.push_str(&format!(
                "; window widened to {window} to have enough readings"
            ));
        }
        evidence.sparse = Some(Sparse {
            taken: tally.taken,
            due: tally.due(),
            window,
        });
    }
}

/// What findings of a kind are made of, where it is expensive.
fn made_of(kind: FindingKind) -> Option<ExpensiveReading> {
    Some(match kind {
        FindingKind::GrowingMemory | FindingKind::RetainedMemory => ExpensiveReading::Heap,
        FindingKind::GrowingChildren => ExpensiveReading::Children,
        FindingKind::GrowingHandles => ExpensiveReading::Handles,
        FindingKind::NativeMemory
        | FindingKind::GrowingKind
        | FindingKind::GrowingSite
        | FindingKind::HeldIdle
        | FindingKind::OverLifetime
        | FindingKind::OrphanedResource
        | FindingKind::OrphanedThread
        | FindingKind::FailedCleanup => ExpensiveReading::Ledger,
        FindingKind::GrowingThreads
        | FindingKind::HandlesNearLimit
        | FindingKind::MemoryNearLimit
        | FindingKind::SystemMemoryNearLimit => return None,
    })
}
