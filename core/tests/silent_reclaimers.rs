//! A reclaimer that gives no verdict, or no outcome, loses nothing: what it said nothing of is kept, with its
//! ledger, and the next sweep finds it.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::reclaim::{
    Authority, Judgement, LedgerFate, Orphan, Reclaimed, Reclaimer, Reclaimers, Sweep, SweepReport,
};
use backstop_core::resource::{Deadline, Kind};
use backstop_testkit::role::{self, Actor};
use backstop_testkit::subjects::directory::{DirectoryReclaimer, KIND, TestDirectory};

const PLACE: &str = "TEST_PLACE";

/// What a reclaimer keeps to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silent {
    /// Its verdict of all but the first.
    OfVerdicts,
    /// What it did, to all but the first.
    OfOutcomes,
}

impl Reclaimer for Silent {
    fn kinds(&self) -> &'static [Kind] {
        const { &[KIND] }
    }
    fn most_at_once(&self) -> usize {
        16
    }
    fn judge(&self, orphan: &Orphan<'_>) -> Judgement {
        DirectoryReclaimer.judge(orphan)
    }
    fn reclaim(&self, orphan: &Orphan<'_>, right: &Authority, end: Deadline) -> Reclaimed {
        DirectoryReclaimer.reclaim(orphan, right, end)
    }
    fn judge_all(&self, orphans: &[Orphan<'_>]) -> Vec<Judgement> {
        let heard = match self {
            Self::OfVerdicts => 1,
            Self::OfOutcomes => orphans.len(),
        };
        let orphans = orphans.iter().take(heard);
        orphans.map(|orphan| self.judge(orphan)).collect()
    }
    fn reclaim_all(
        &self,
        orphans: &[Orphan<'_>],
        right: &Authority,
        span: Duration,
        settled: &mut dyn FnMut(usize, Reclaimed),
    ) {
        let first = orphans.iter().take(1).enumerate();
        for (index, orphan) in first {
            settled(index, self.reclaim(orphan, right, Deadline::after(span)));
        }
    }
}

fn sweep(place: &Path, reclaimer: impl Reclaimer + 'static) -> SweepReport {
    let reclaimers = Reclaimers::new().with(reclaimer);
    Sweep::new(&reclaimers)
        .directories(vec![place.join("ledgers")])
        .run()
}

fn names(place: &Path, wanted: &str) -> usize {
    let entries = std::fs::read_dir(place).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.contains(wanted)).count()
}

#[test]
fn what_a_reclaimer_says_nothing_of_is_kept_with_its_ledger() {
    if role::assigned().is_some() {
        let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
        let _guards = [(); 12].map(|()| TestDirectory::open(&Backstop::global(), &place));
        role::say("ready");
        role::wait_to_be_killed();
    }
    for silent in [Silent::OfVerdicts, Silent::OfOutcomes] {
        let place = tempfile::tempdir().unwrap();
        let place = place.path();
        let mut command = role::command("owner").unwrap();
        command
            .env("BACKSTOP_DIR", place.join("ledgers"))
            .env(PLACE, place);
        let mut owner = Actor::start(&mut command);
        assert_eq!(owner.next_line().as_deref(), Some("ready"));
        owner.kill();

        let report = sweep(place, silent);
        assert_eq!(report.items.len(), 12, "{silent:?}: {report:?}");
        let left = names(place, "dir-");
        assert!((1..12).contains(&left), "{silent:?}: {left} are left");
        let released = report.items.iter().filter(|item| {
            let outcome = item.outcome.as_ref();
            outcome.is_some_and(backstop_core::release::Outcome::is_released)
        });
        assert_eq!(released.count(), 12 - left, "{silent:?}: {report:?}");
        assert!(matches!(report.ledgers[0].fate, LedgerFate::Kept));
        assert_eq!(names(&place.join("ledgers"), ".ledger"), 1, "{silent:?}");

        // One that speaks finds all that is left.
        let report = sweep(place, DirectoryReclaimer);
        assert_eq!(report.items.len(), left, "{silent:?}: {report:?}");
        assert_eq!(names(place, "dir-"), 0, "{silent:?}");
        assert_eq!(names(&place.join("ledgers"), ".ledger"), 0, "{silent:?}");
    }
}
