//! Letting everything go, in order.

use std::fmt;
use std::time::Duration;

use super::backstop::Backstop;
use super::cell::{AnyCell, AnyShare};
use super::deadline_call::{CallError, DeadlineCall};
use super::ladder::{Inline, Ladder, release_inline};
use super::record::{Cause, Outcome, Release};
use super::right::Claim;
use crate::policy::Order;
use crate::resource::{Blocking, Deadline, Kind, Rung};
use backstop_os::fork;

/// What came of releasing many.
#[derive(Debug, Default)]
#[must_use = "some may be stuck"]
pub struct ReleaseReport {
    /// The releases that ended, in the order in which they ended.
    pub ended: Vec<Release>,
    /// How many more went well on the fast path.
    pub quietly: u64,
    /// What had not ended at the deadline: kind, label and site.
    pub unfinished: Vec<String>,
}

impl ReleaseReport {
    /// Whether everything is gone.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unfinished.is_empty() && !self.ended.iter().any(|release| release.outcome.is_stuck())
    }
}

impl fmt::Display for ReleaseReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stuck = self
            .ended
            .iter()
            .filter(|release| release.outcome.is_stuck())
            .count();
        write!(
            formatter,
            "{} released, {} stuck, {} unfinished",
            self.ended.len() as u64 - stuck as u64 + self.quietly,
            stuck,
            self.unfinished.len()
        )
    }
}

/// One that is being released in the background.
struct Pending {
    cell: AnyShare,
    call: DeadlineCall<Release>,
}

impl Backstop {
    /// Releases everything that is open: by order, the last opened first, children before parents.
    ///
    /// Each release gets a moment; what takes longer goes on beside the next, so that one that is
    /// stuck holds up no other. A parent waits for its children. What someone else is releasing is
    /// waited for. Ends when all have ended, at the latest at the deadline.
    pub fn release_all(&self, deadline: Deadline) -> ReleaseReport {
        self.release_open(|_| true, Cause::Asked, Rung::Ask, deadline)
    }

    /// Releases everything of a kind that is open, as [`release_all`](Self::release_all) does.
    pub fn release_kind(&self, kind: Kind, deadline: Deadline) -> ReleaseReport {
        self.release_open(|cell| cell.kind == kind, Cause::Asked, Rung::Ask, deadline)
    }

    /// Releases everything that is open without asking first; what is being asked already is forced
    /// too.
    pub fn force_all(&self, deadline: Deadline) -> ReleaseReport {
        self.release_open(|_| true, Cause::Asked, Rung::Force, deadline)
    }

    pub(super) fn release_open(
        &self,
        chosen: impl Fn(&AnyCell) -> bool,
        cause: Cause,
        first: Rung,
        deadline: Deadline,
    ) -> ReleaseReport {
        let mut report = ReleaseReport::default();
        if !fork::is_original_process() {
            return report;
        }
        // One look at each, and another only in its turn: one that is neither open nor being released
        // by others at the same time is gone.
        let mut cells: Vec<(Order, AnyShare)> = self
            .cells_not_released()
            .into_iter()
            .filter(|cell| chosen(cell))
            .map(|cell| (self.policy_of(&cell).order(), cell))
            .collect();
        if first == Rung::Force {
            cells.iter().for_each(|(_, cell)| cell.hurry());
        }
        let mut others = Vec::new();
        cells.sort_by(|(left_order, left), (right_order, right)| {
            left_order
                .cmp(right_order)
                .then_with(|| right.opened_order().cmp(&left.opened_order()))
        });
        for group in cells.chunk_by(|(left, _), (right, _)| left == right) {
            let pending: Vec<Pending> = group
                .iter()
                .filter_map(|(_, cell)| match cell.claim_release() {
                    Claim::Own => report.begin(cell.clone(), cause, first),
                    Claim::Anothers => {
                        others.push(cell.clone());
                        None
                    }
                    Claim::Nobodys => None,
                })
                .collect();
            for Pending { cell, call } in pending {
                report.collect(&cell, &call, deadline);
            }
        }
        for cell in others {
            report.await_other(&cell, deadline);
        }
        report
    }
}

impl ReleaseReport {
    /// Releases one whose right to release was taken, and gives it back as pending if that takes
    /// longer than a moment.
    fn begin(&mut self, cell: AnyShare, cause: Cause, first: Rung) -> Option<Pending> {
        if cell.resource.blocking() == Blocking::Never {
            match release_inline(&cell, cause) {
                Inline::Accounted(release) => self.ended.push(release),
                Inline::Quietly(_) => self.quietly += 1,
            }
            return None;
        }
        let body = cell.clone();
        let call = DeadlineCall::begin(move || {
            Backstop::release_children(&body);
            Ladder::new(body, cause, first).finish()
        });
        match call {
            Ok(call) => match call.answer(Deadline::after(MOMENT)) {
                Some(Ok(release)) => {
                    self.ended.push(release);
                    None
                }
                Some(Err(error)) => {
                    self.unfinished.push(format!("{}: {error}", name(&cell)));
                    None
                }
                None => Some(Pending { cell, call }),
            },
            Err(error) => {
                self.ended.push(give_up(&cell, cause, &error));
                None
            }
        }
    }

    /// Waits for a release that someone else began: a dropped guard's, in the background.
    fn await_other(&mut self, cell: &AnyCell, deadline: Deadline) {
        match cell.await_end(deadline) {
            Some(release) => self.ended.push(release),
            None if cell.is_being_released() => self.unfinished.push(name(cell)),
            None => self.quietly += 1,
        }
    }

    fn collect(&mut self, cell: &AnyCell, call: &DeadlineCall<Release>, deadline: Deadline) {
        match call.answer(deadline) {
            Some(Ok(release)) => self.ended.push(release),
            Some(Err(error)) => self.unfinished.push(format!("{}: {error}", name(cell))),
            None => self.unfinished.push(name(cell)),
        }
    }
}

/// How long the next one waits for the one before it, so that quick releases end in strict order.
const MOMENT: Duration = Duration::from_millis(50);

/// Ends a release that found no thread as stuck, so that a later one may begin.
pub(super) fn give_up(cell: &AnyCell, cause: Cause, error: &CallError) -> Release {
    let outcome = Outcome::Stuck {
        holder: None,
        reason: error.to_string(),
    };
    let release = Release::by_another(cell, cause, outcome);
    tracing::warn!(site = %release.site, "{release}");
    cell.end(&release);
    cell.backstop.records().push(release.clone());
    release
}

fn name(cell: &AnyCell) -> String {
    let label = super::ladder::label_of(cell);
    format!("{} {label} opened at {}", cell.kind, cell.site)
}
