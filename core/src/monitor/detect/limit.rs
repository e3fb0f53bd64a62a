//! File descriptors and memory near their limits.
//!
//! A step is entered at its share, and left five points below it: a measure that fluctuates around
//! a step causes one finding.

use super::{Look, Scene, Sighting, figures};
use crate::monitor::{Evidence, FindingKind, FindingSubject, Severity, SystemSample, Unit};

/// The steps that the measures are at.
#[derive(Debug, Default)]
pub(super) struct NearLimits {
    handles: Step,
    memory: Step,
    system: Step,
}

/// How many of three steps a measure has entered and not left.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Step(usize);

/// Five points.
const MARGIN: f64 = 0.05;

impl NearLimits {
    pub(super) fn look(&mut self, scene: Scene<'_>, look: &mut Look) {
        self.look_at_handles(scene, look);
        self.look_at_memory(scene, look);
        self.look_at_system(scene, look);
    }

    fn look_at_handles(&mut self, scene: Scene<'_>, look: &mut Look) {
        let process = &scene.sample.process;
        let (Some(share), Some(handles), Some(limit)) = (
            process.handle_share(),
            process.handles,
            process.handle_limit,
        ) else {
            return;
        };
        let steps = scene.limits.handles().shares();
        let severity = self.handles.move_to(share, steps, MARGIN);
        let text = format!(
            "{handles} of {limit} files are open, {}",
            figures::percent(share)
        );
        let evidence = percents(share, self.handles.entered(steps), text);
        look.at_limit(
            FindingKind::HandlesNearLimit,
            FindingSubject::Process,
            severity,
            evidence,
        );
    }

    fn look_at_memory(&mut self, scene: Scene<'_>, look: &mut Look) {
        let system = scene.sample.system.as_ref();
        let ceiling = system.map(SystemSample::memory_ceiling);
        let ceiling = ceiling.unwrap_or_default();
        let sizes = scene.limits.memory(ceiling);
        let steps = sizes.map(|size| size.0 as f64);
        let resident = scene.sample.process.resident;
        // Five points of what the process may have: of the ceiling if that determines the steps,
        // else of the last step.
        let whole = match ceiling.0 {
            0 => steps[2],
            _ => (ceiling.0 as f64).min(steps[2]),
        };
        let severity = self
            .memory
            .move_to(resident.0 as f64, steps, whole * MARGIN);
        let step = self.memory.entered(steps);
        let text = format!(
            "resident memory {resident} exceeds the `{}` threshold {}",
            severity.unwrap_or(Severity::Medium),
            figures::amount(step, Unit::Bytes)
        );
        let evidence = Evidence {
            value: resident.0 as f64,
            limit: step,
            unit: Unit::Bytes,
            per_hour: None,
            text,
            sparse: None,
        };
        look.at_limit(
            FindingKind::MemoryNearLimit,
            FindingSubject::Process,
            severity,
            evidence,
        );
    }

    /// Medium at the share, high when half of the rest is in use too, critical at four fifths of
    /// it.
    fn look_at_system(&mut self, scene: Scene<'_>, look: &mut Look) {
        let Some(system) = &scene.sample.system else {
            return;
        };
        if system.memory_total.0 == 0 {
            return;
        }
        let first = scene.limits.system_memory();
        let rest = 1.0 - first;
        let steps = [first, first + rest * 0.5, first + rest * 0.8];
        let share = system.memory_share();
        let severity = self.system.move_to(share, steps, MARGIN);
        let text = format!(
            "{} of the machine's {} in use, {} available",
            figures::percent(share),
            system.memory_total,
            system.memory_available
        );
        let evidence = percents(share, self.system.entered(steps), text);
        let kind = FindingKind::SystemMemoryNearLimit;
        look.at_limit(kind, FindingSubject::System, severity, evidence);
    }
}

impl Step {
    /// Moves to the step of a value, and returns its severity.
    fn move_to(&mut self, value: f64, steps: [f64; 3], margin: f64) -> Option<Severity> {
        let entered = steps.iter().filter(|step| value >= **step).count();
        let left = steps.iter().filter(|step| value >= **step - margin).count();
        self.0 = self.0.clamp(entered, left);
        [Severity::Medium, Severity::High, Severity::Critical]
            .into_iter()
            .take(self.0)
            .next_back()
    }

    /// The step that it is at, or the first.
    fn entered(self, steps: [f64; 3]) -> f64 {
        steps[self.0.saturating_sub(1).min(2)]
    }
}

impl Look {
    fn at_limit(
        &mut self,
        kind: FindingKind,
        subject: FindingSubject,
        severity: Option<Severity>,
        evidence: Evidence,
    ) {
        match severity {
            Some(severity) => self.so.push(Sighting {
                kind,
                subject,
                severity,
                evidence,
                window: None,
            }),
            None => self.not_so.push((kind, subject)),
        }
    }
}

fn percents(share: f64, limit: f64, text: String) -> Evidence {
    Evidence {
        value: share * 100.0,
        limit: limit * 100.0,
        unit: Unit::Percent,
        per_hour: None,
        text,
        sparse: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_left_five_points_below_it() {
        let steps = [0.70, 0.85, 0.95];
        let mut step = Step::default();
        let course = [
            0.69, 0.70, 0.66, 0.64, 0.66, 0.86, 0.81, 0.79, 0.99, 0.91, 0.60,
        ];
        let said = course.map(|share| step.move_to(share, steps, MARGIN));
        let (medium, high, critical) = (
            Some(Severity::Medium),
            Some(Severity::High),
            Some(Severity::Critical),
        );
        assert_eq!(
            said,
            [
                None, medium, medium, None, None, high, high, medium, critical, critical, None
            ]
        );
    }
}
