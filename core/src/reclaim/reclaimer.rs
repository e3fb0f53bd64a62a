//! What can reclaim which kinds and forms.

use std::fmt;
use std::time::Duration;

use super::authority::Authority;
use super::judgement::Judgement;
use super::orphan::Orphan;
use crate::ledger::Entry;
use crate::policy::Order;
use crate::release::Outcome;
use crate::resource::{Bytes, Deadline, Form, Kind, Recipe};

/// Knows the recipes of some kinds.
///
/// # Guarantees
/// [`reclaim`](Self::reclaim) is called only after [`judge`](Self::judge) said
/// [`Judgement::Reclaim`], while the ledger's lease is held, and must prove identity again itself:
/// time has passed since the verdict. Both may be called again for the same orphan, because a sweeper
/// can be killed too; what is gone already must count as gone.
pub trait Reclaimer: Send + Sync {
    /// The kinds whose recipes it knows. It is asked before any that only knows the recipe's form.
    fn kinds(&self) -> &'static [Kind] {
        &[]
    }

    /// The forms of recipes that it knows, of whatever kind: what is local is reclaimed by a program that
    /// has never heard of the kind.
    fn forms(&self) -> &'static [Form] {
        &[]
    }

    /// When its turn is: what still runs goes before what it writes to.
    fn order(&self) -> Order {
        Order::Normal
    }

    /// Inspects an orphan and touches nothing.
    fn judge(&self, orphan: &Orphan<'_>) -> Judgement;

    /// Releases it for its dead owner, and verifies.
    fn reclaim(
        &self,
        orphan: &Orphan<'_>,
        authority: &Authority<'_>,
        deadline: Deadline,
    ) -> Reclaimed;

    /// How many orphans of one owner, in the order of their turns, it takes at once: for kinds that are
    /// found together more cheaply than one by one. Default: 1.
    fn most_at_once(&self) -> usize {
        1
    }

    /// As [`judge`](Self::judge), for several: one judgement for each, in their order.
    fn judge_all(&self, orphans: &[Orphan<'_>]) -> Vec<Judgement> {
        orphans.iter().map(|orphan| self.judge(orphan)).collect()
    }

    /// As [`reclaim`](Self::reclaim), for several, each within `span`. The result of each is passed to
    /// `settled` with its index as soon as it is known, because only then is it recorded.
    fn reclaim_all(
        &self,
        orphans: &[Orphan<'_>],
        authority: &Authority<'_>,
        span: Duration,
        settled: &mut dyn FnMut(usize, Reclaimed),
    ) {
        for (index, orphan) in orphans.iter().enumerate() {
            crate::kill_point::reach("sweep.acting");
            settled(
                index,
                self.reclaim(orphan, authority, Deadline::after(span)),
            );
        }
    }
}

/// The result of a reclaim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Reclaimed {
    /// Whether it is gone.
    pub outcome: Outcome,
    /// How many processes, files and directories were removed.
    pub count: u64,
    /// How many bytes were freed.
    pub bytes: Bytes,
}

impl Reclaimed {
    /// Gone, one thing, no bytes.
    pub fn released() -> Self {
        Self {
            outcome: Outcome::Released,
            count: 1,
            bytes: Bytes(0),
        }
    }

    /// Still existing, for `reason`.
    pub fn stuck(reason: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Stuck {
                holder: None,
                reason: reason.into(),
            },
            count: 0,
            bytes: Bytes(0),
        }
    }
}

/// The reclaimers that a program knows.
#[derive(Default)]
pub struct Reclaimers(Vec<Box<dyn Reclaimer>>);

impl Reclaimers {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. If two know a kind, the first added is asked.
    #[must_use]
    pub fn with(mut self, reclaimer: impl Reclaimer + 'static) -> Self {
        self.0.push(Box::new(reclaimer));
        self
    }

    /// The one at this place.
    pub(super) fn at(&self, index: usize) -> &dyn Reclaimer {
        self.0[index].as_ref()
    }

    /// The place of the one that reclaims an entry: the first that knows its kind, else the first that
    /// knows its recipe's form.
    pub(super) fn index_of(&self, entry: &Entry) -> Option<usize> {
        let knows_kind = |reclaimer: &dyn Reclaimer| {
            let mut kinds = reclaimer.kinds().iter();
            kinds.any(|known| known.name() == entry.kind)
        };
        let by_kind = || self.0.iter().position(|one| knows_kind(one.as_ref()));
        let by_form = || {
            let form = entry.recipe.as_ref().and_then(Recipe::form)?;
            let knows = |one: &dyn Reclaimer| one.forms().iter().any(|known| known.name() == form);
            self.0.iter().position(|one| knows(one.as_ref()))
        };
        by_kind().or_else(by_form)
    }
}

impl fmt::Debug for Reclaimers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = self.0.iter().flat_map(|reclaimer| reclaimer.kinds());
        formatter.debug_set().entries(kinds).finish()
    }
}
