//! Taking down the trees of a dead owner, whatever their kind.

use std::time::Duration;

use super::batch;
use super::found::Found;
use super::recipe::TreeRecipe;
use super::recorded::{pid_namespace, readable};
use crate::policy::Order;
use crate::reclaim::{Authority, Judgement, Orphan, Reclaimed, Reclaimer};
use crate::resource::{Deadline, Form};

/// Takes down the trees of a dead owner, with all that they started: of every kind whose recipe has the
/// form `tree/1`.
///
/// # Guarantees
/// A process is killed only with proof that it is of the recorded tree: its recorded identity, the
/// cookie in its environment, membership in the recorded cgroup, or descent from one of these.
/// What was recorded in another boot is gone; in another pid namespace it is left alone.
///
/// # Examples
/// ```
/// use backstop_core::reclaim::{Reclaimers, Sweep};
/// use backstop_core::tree::TreeReclaimer;
///
/// let reclaimers = Reclaimers::new().with(TreeReclaimer);
/// let report = Sweep::new(&reclaimers).rehearse(true).run();
/// # drop(report);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TreeReclaimer;

impl Reclaimer for TreeReclaimer {
    fn forms(&self) -> &'static [Form] {
        &[TreeRecipe::FORM]
    }

    fn order(&self) -> Order {
        Order::First
    }

    fn judge(&self, orphan: &Orphan<'_>) -> Judgement {
        let recipe = match readable(orphan, &pid_namespace()) {
            Ok(recipe) => recipe,
            Err(judgement) => return judgement,
        };
        match Found::search_patiently(&recipe) {
            Ok(found) => found.judgement(&recipe),
            Err(error) => Judgement::keep(format!("the processes cannot be read: {error}")),
        }
    }

    fn reclaim(&self, orphan: &Orphan<'_>, authority: &Authority, deadline: Deadline) -> Reclaimed {
        match readable(orphan, &pid_namespace()) {
            Ok(recipe) => Found::take_down(&recipe, authority, deadline)
                .unwrap_or_else(|error| Reclaimed::stuck(format!("cannot be checked: {error}"))),
            Err(Judgement::Gone { .. }) => Reclaimed {
                count: 0,
                ..Reclaimed::released()
            },
            Err(_) => Reclaimed::stuck("it is no longer safe to reclaim"),
        }
    }

    fn most_at_once(&self) -> usize {
        batch::MOST
    }

    fn judge_all(&self, orphans: &[Orphan<'_>]) -> Vec<Judgement> {
        let together = batch::judge(orphans);
        let each = orphans.iter().zip(together);
        each.map(|(orphan, judgement)| judgement.unwrap_or_else(|| self.judge(orphan)))
            .collect()
    }

    fn reclaim_all(
        &self,
        orphans: &[Orphan<'_>],
        authority: &Authority,
        span: Duration,
        settled: &mut dyn FnMut(usize, Reclaimed),
    ) {
        for _ in orphans {
            crate::kill_point::reach("sweep.acting");
        }
        let mut left = Vec::new();
        let together = batch::take_down(orphans, authority, Deadline::after(span));
        for (index, taken) in together.into_iter().enumerate() {
            match taken {
                Ok(reclaimed) => settled(index, reclaimed),
                Err(count) => left.push((index, count)),
            }
        }
        for (index, count) in left {
            let mut reclaimed = self.reclaim(&orphans[index], authority, Deadline::after(span));
            reclaimed.count = reclaimed.count.max(count);
            settled(index, reclaimed);
        }
    }
}
