//! What each remedy does, and would do.

use std::time::Duration;

use super::account::StepAccount;
use super::free_memory::FreeMemory;
use super::record::RemedyRehearsal;
use super::shrink_and_trim::{shrink, trim};
use super::{Remedy, Shrinkage};
use backstop_core::policy::Criticality;
use backstop_core::release::Caches;
use backstop_core::release::{Backstop, ReleaseReport, ResourceStatus, within};
use backstop_core::resource::{Bytes, Deadline};

/// Asks a program to terminate.
pub(super) type Stop =
    std::sync::Arc<dyn Fn() -> Result<(), backstop_core::error::Error> + Send + Sync>;

/// What remedies act on.
pub(super) struct Means {
    pub(super) backstop: Backstop,
    pub(super) caches: Caches,
    pub(super) plan: FreeMemory,
    pub(super) stop: Stop,
    /// The time limit of one step.
    pub(super) patience: Duration,
}

impl Means {
    /// Runs it, step by step.
    pub(super) fn act(&self, remedy: Remedy) -> Vec<StepAccount> {
        let (backstop, patience) = (self.backstop, self.patience);
        match remedy {
            Remedy::Trim => vec![trim(backstop, patience)],
            Remedy::ShrinkCaches(shrinkage) => shrink(backstop, &self.caches, shrinkage, patience),
            Remedy::FreeMemory => self.plan.run(backstop, &self.caches, patience),
            Remedy::EnforcePolicies => {
                let enforce = move || Ok(format!("{} released", backstop.enforce().len()));
                vec![StepAccount::take("enforce", backstop, patience, enforce)]
            }
            Remedy::Stop => {
                let stop = std::sync::Arc::clone(&self.stop);
                let ask = move || match stop() {
                    Ok(()) => Ok("asked".into()),
                    Err(error) => Err(error.chain()),
                };
                vec![StepAccount::take("stop", backstop, patience, ask)]
            }
            Remedy::ReleaseIdle { .. }
            | Remedy::ReleaseOverAge { .. }
            | Remedy::ReleaseExpendable
            | Remedy::ReleaseAll => {
                let release = move || {
                    let deadline = Deadline::after(patience);
                    let chosen = |status: &ResourceStatus| chooses(remedy, status);
                    summary(&backstop.release_where(chosen, deadline))
                };
                // The release keeps to the limit; the waiting thread must not give up first.
                let longer = patience.saturating_mul(2);
                vec![StepAccount::take("release", backstop, longer, release)]
            }
        }
    }

    /// Lists what it would do, without doing it.
    pub(super) fn rehearse(&self, remedy: Remedy, rehearsal: &mut RemedyRehearsal) {
        match remedy {
            Remedy::Trim => rehearsal.note(|| "trim the allocator".into()),
            Remedy::ShrinkCaches(shrinkage) => {
                rehearsal.note_caches(&self.caches, shrinkage, self.patience);
            }
            Remedy::FreeMemory => self.plan.rehearse(&self.caches, self.patience, rehearsal),
            Remedy::Stop => rehearsal.note(|| "ask the program to terminate".into()),
            _ => {
                let chosen = |status: &ResourceStatus| chooses(remedy, status);
                let mut candidates = if remedy == Remedy::EnforcePolicies {
                    self.backstop.due_by_policy()
                } else {
                    self.backstop.candidates(chosen)
                };
                candidates
                    .sort_by_key(|candidate| std::cmp::Reverse(candidate.status.footprint.bytes));
                for candidate in candidates {
                    let (status, label) = (&candidate.status, &candidate.label);
                    rehearsal.footprint.bytes += status.footprint.bytes;
                    rehearsal.footprint.handles += status.footprint.handles;
                    rehearsal.note(|| {
                        format!(
                            "release {} {label} opened at {}, {:.0?} old, untouched for {:.0?}",
                            status.kind, candidate.site, status.facts.age, status.facts.idle
                        )
                    });
                }
            }
        }
    }
}

/// Whether a remedy releases a resource in this state.
fn chooses(remedy: Remedy, status: &ResourceStatus) -> bool {
    let spared = status.criticality == Criticality::Critical;
    match remedy {
        Remedy::ReleaseIdle { longer_than } => !spared && status.facts.idle > longer_than,
        Remedy::ReleaseOverAge { longer_than } => !spared && status.facts.age > longer_than,
        Remedy::ReleaseExpendable => status.criticality == Criticality::Expendable,
        Remedy::ReleaseAll => true,
        _ => false,
    }
}

fn summary(report: &ReleaseReport) -> Result<String, String> {
    if report.is_complete() {
        return Ok(report.to_string());
    }
    let stuck = report
        .ended
        .iter()
        .filter(|release| release.outcome.is_stuck())
        .map(ToString::to_string);
    let unfinished = report
        .unfinished
        .iter()
        .map(|one| format!("{one}: still running"));
    let some: Vec<_> = stuck.chain(unfinished).take(NAMED).collect();
    Err(format!("{report}: {}", some.join("; ")))
}

/// How many of the stuck ones are named.
const NAMED: usize = 10;

impl RemedyRehearsal {
    /// Lists an act, unless the list is full.
    pub(super) fn note(&mut self, act: impl FnOnce() -> String) {
        if self.acts.len() < Self::LISTED {
            self.acts.push(act());
        } else {
            self.others += 1;
        }
    }

    pub(super) fn note_caches(
        &mut self,
        caches: &Caches,
        shrinkage: Shrinkage,
        patience: Duration,
    ) {
        for (name, cache) in caches.all() {
            let asked = within(Deadline::after(patience), move || cache.footprint().bytes);
            let held = match asked {
                Ok(held) => held,
                Err(error) => {
                    self.note(|| format!("shrink {name}, size unknown: {error}"));
                    continue;
                }
            };
            let goal = shrinkage.goal(held);
            self.footprint.bytes += Bytes(held.0.saturating_sub(goal.0));
            self.note(|| format!("shrink {name} from {held} to {goal}"));
        }
    }
}
