//! Kill the owner or the sweeper at any instant: afterwards nothing is left, or the next sweep finds it.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;

use backstop_core::Backstop;
use backstop_core::reclaim::{LedgerFate, Reclaimers, Sweep, SweepReport};
use backstop_testkit::kill_points::KillPoints;
use backstop_testkit::role::{self, Actor};

use backstop_testkit::subjects::directory::{DirectoryReclaimer, TestDirectory};

const PLACE: &str = "TEST_PLACE";

struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(scene.place()).unwrap();
        scene
    }

    fn place(&self) -> PathBuf {
        self.0.path().join("place")
    }

    fn ledgers(&self) -> PathBuf {
        self.0.path().join("ledgers")
    }

    fn actor(&self, role: &str) -> Command {
        let mut command = role::command(role).unwrap();
        command
            .env("BACKSTOP_DIR", self.ledgers())
            .env(PLACE, self.place());
        command
    }

    fn sweep(&self) -> SweepReport {
        sweep(&self.ledgers())
    }

    /// Nothing is left, of the resources and of the ledgers.
    fn assert_empty(&self) {
        let left: Vec<_> = std::fs::read_dir(self.place()).unwrap().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        let ledgers = std::fs::read_dir(self.ledgers()).into_iter().flatten();
        let ledgers: Vec<_> = ledgers
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".ndjson"))
            .collect();
        assert!(ledgers.is_empty(), "left behind: {ledgers:?}");
    }
}

fn sweep(ledgers: &Path) -> SweepReport {
    Sweep::new(&Reclaimers::new().with(DirectoryReclaimer))
        .directories(vec![ledgers.to_owned()])
        .run()
}

fn place_of_actor() -> PathBuf {
    std::env::var_os(PLACE).unwrap().into()
}

/// Opens three resources, one of them in a scope of its own, and releases them in three ways.
fn live_a_life() {
    let place = place_of_actor();
    let backstop = Backstop::global();
    let first = TestDirectory::open(&backstop, &place);
    let mut scope = backstop.scope("work");
    let _held = scope.hold(TestDirectory::open(&backstop, &place));
    assert!(scope.finish().is_clean());
    let last = TestDirectory::open(&backstop, &place);
    assert!(first.release().outcome.is_released());
    drop(last);
}

#[test]
fn an_owner_killed_anywhere_leaves_nothing_after_a_sweep() {
    if role::assigned().as_deref() == Some("owner") {
        return live_a_life();
    }
    let points = KillPoints::at(&KillPoints::OWNER).and_at_instants(20);
    let struck = points.strike(|blow| {
        let scene = Scene::new();
        let mut owner = blow.start(&mut scene.actor("owner"));
        let status = blow.fall(&mut owner);
        let report = scene.sweep();
        assert_eq!(report.left().count(), 0, "{report:?}");
        scene.assert_empty();
        status
    });
    let passes = [
        ("ledger.intent", 3),
        // And once for the scope.
        ("ledger.live", 4),
        ("ledger.closing", 3),
        ("ledger.closed", 4),
    ];
    assert_eq!(struck.at, passes);
}

#[test]
fn a_sweeper_killed_anywhere_leaves_the_rest_to_the_next() {
    match role::assigned().as_deref() {
        Some("owner") => {
            let place = place_of_actor();
            let _guards = [(); 3].map(|()| TestDirectory::open(&Backstop::global(), &place));
            role::say("open");
            role::wait_to_be_killed();
        }
        Some("sweeper") => {
            let ledgers = std::env::var_os("BACKSTOP_DIR").unwrap();
            let report = sweep(Path::new(&ledgers));
            assert_eq!(report.left().count(), 0, "{report:?}");
            return;
        }
        _ => {}
    }
    let points = KillPoints::at(&KillPoints::SWEEPER).and_at_instants(20);
    let struck = points.strike(|blow| {
        let scene = Scene::new();
        let mut owner = Actor::start(&mut scene.actor("owner"));
        assert_eq!(owner.next_line().as_deref(), Some("open"));
        owner.kill();
        let mut sweeper = blow.start(&mut scene.actor("sweeper"));
        let status = blow.fall(&mut sweeper);
        let report = scene.sweep();
        assert_eq!(report.left().count(), 0, "{report:?}");
        let fates = report.ledgers.iter().map(|ledger| &ledger.fate);
        assert!(
            fates.into_iter().all(|fate| *fate == LedgerFate::Removed),
            "{report:?}"
        );
        scene.assert_empty();
        status
    });
    assert_eq!(struck.at, [("sweep.acting", 3), ("sweep.closing", 3)]);
}
