//! Looks at samples, one after the other, and says what is so.
//!
//! Each detector remembers what it needs of earlier samples, in bounded room. It says three things: this
//! is so, this is not so, and, by silence, that it could not tell.

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
use super::{Evidence, FindingKind, Limits, Sample, Severity, Subject};

/// What a detector looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) sample: &'a Sample,
    pub(super) limits: &'a Limits,
    /// Whether the program is past its warm-up, so that growth counts.
    pub(super) is_warm: bool,
    /// Whether the machine has just slept.
    pub(super) has_slept: bool,
}

/// What the detectors said of one sample.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// What is so.
    pub(super) so: Vec<Sighting>,
    /// What is not so.
    pub(super) not_so: Vec<(FindingKind, Subject)>,
    /// Of these kinds nothing is so beyond what was said.
    pub(super) complete: Vec<FindingKind>,
}

/// Something that is so at the moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sighting {
    pub(super) kind: FindingKind,
    pub(super) subject: Subject,
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

    /// Forgets what it measured, and keeps what it has found: after the machine slept, programs connect
    /// anew and fill their caches again.
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

    /// How many kinds and sites are measured no more, for want of room.
    pub(super) fn forgotten(&self) -> u64 {
        self.holders.forgotten()
    }

    /// The slope of the number of a site's resources, for an hour, where it grows.
    pub(super) fn site_rate(&self, kind: &str, site: &str) -> Option<f64> {
        self.holders.site_rate(kind, site)
    }
}

impl Look {
    /// Takes what there is to say of a measure's growth, with how bad it is and the evidence.
    fn growth(
        &mut self,
        kind: FindingKind,
        subject: Subject,
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
