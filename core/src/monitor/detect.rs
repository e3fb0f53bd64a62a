//! Detectors: each checks one sample after the other, and reports what it finds.
//!
//! Each detector remembers what it needs of earlier samples, in bounded memory. It reports that
//! something holds, that it does not hold, or, by silence, that it is unknown.

mod figures;
mod growing;

mod sparsity;

mod cleanup;
mod held;
mod holders;
mod limit;
mod process;

use std::time::Duration;

use growing::Reading;
use sparsity::Sparsity;

use super::trend::Trend;
use super::{Evidence, FindingKind, FindingSubject, Limits, Sample, Severity};

/// The input of a detector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) sample: &'a Sample,
    pub(super) limits: &'a Limits,
    /// Whether the program is past its warm-up, so that growth counts.
    pub(super) is_warm: bool,
    /// Whether the machine was just suspended.
    pub(super) has_slept: bool,
}

/// The reports of the detectors on one sample.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// What holds.
    pub(super) so: Vec<Sighting>,
    /// What does not hold.
    pub(super) not_so: Vec<(FindingKind, FindingSubject)>,
    /// Of these kinds nothing holds except what was reported.
    pub(super) complete: Vec<FindingKind>,
}

/// Something that holds at the moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sighting {
    pub(super) kind: FindingKind,
    pub(super) subject: FindingSubject,
    pub(super) severity: Severity,
    pub(super) evidence: Evidence,
    /// The window, where it was widened to have enough readings.
    pub(super) window: Option<Duration>,
}

/// All detectors.
#[derive(Debug)]
pub(super) struct Detectors {
    process: process::ProcessGrowth,
    holders: holders::HolderGrowth,
    limit: limit::NearLimits,
    cleanup: cleanup::FailedCleanups,
    sparsity: Sparsity,
}

impl Detectors {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            process: process::ProcessGrowth::new(limits),
            holders: holders::HolderGrowth::new(),
            limit: limit::NearLimits::default(),
            cleanup: cleanup::FailedCleanups::new(limits),
            sparsity: Sparsity::default(),
        }
    }

    /// Drops its measurements, and keeps its findings: after the machine was suspended, programs
    /// reconnect and refill their caches.
    pub(super) fn forget_measures(&mut self) {
        self.process.forget_measures();
        self.holders.forget_measures();
    }

    pub(super) fn look(&mut self, scene: Scene<'_>) -> Look {
        let mut look = Look::default();
        self.sparsity.observe(scene.sample);
        if scene.is_warm {
            self.process.look(scene, &mut look);
            self.holders.look(scene, &mut look);
        }
        self.limit.look(scene, &mut look);
        self.cleanup.look(scene, &mut look);
        if !scene.has_slept {
            held::look(scene, &mut look);
        }
        for sighting in &mut look.so {
            self.sparsity
                .disclose(sighting.kind, sighting.window, &mut sighting.evidence);
        }
        look
    }

    /// How far apart the readings for such findings are, where some are left out.
    pub(super) fn gap(&self, kind: FindingKind) -> Duration {
        self.sparsity.gap(kind)
    }

    /// How many kinds and sites are no longer measured, because there is no space for more.
    pub(super) fn forgotten(&self) -> u64 {
        self.holders.forgotten()
    }

    /// How fast the number of a site's resources grows, per hour, if it does.
    pub(super) fn site_rate(&self, kind: &str, site: &str) -> Option<f64> {
        self.holders.site_rate(kind, site)
    }
}

impl Look {
    /// Turns the reading of a measure's growth into a report, with its severity and the evidence.
    fn growth(
        &mut self,
        kind: FindingKind,
        subject: FindingSubject,
        reading: Reading,
        grade: impl FnOnce(&Trend) -> (Severity, Evidence),
    ) {
        match reading {
            Reading::Unknown => {}
            Reading::Level => self.not_so.push((kind, subject)),
            Reading::Grows(trend) => {
                let (severity, evidence) = grade(&trend);
                self.so.push(Sighting {
                    kind,
                    subject,
                    severity,
                    evidence,
                    window: trend.widened,
                });
            }
        }
    }
}
