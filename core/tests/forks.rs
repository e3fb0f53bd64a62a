//! A forked child releases nothing of its parent's and does not keep its lease.
#![cfg(test)]

use std::path::PathBuf;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::reclaim::{LedgerFate, Reclaimers, Sweep};
use backstop_core::release::Tracking;
use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;
use backstop_testkit::attackers::in_forked_child;
use backstop_testkit::role::{self, Actor};

use backstop_testkit::subjects::directory::{DirectoryReclaimer, TestDirectory};

const PLACE: &str = "TEST_PLACE";

#[test]
fn whatever_a_forked_child_does_the_parents_stays() {
    let place = tempfile::tempdir().unwrap();
    let backstop = Backstop::builder()
        .tracking(Tracking::Directory(place.path().join("ledgers")))
        .start();
    let mut guard = Some(TestDirectory::open(&backstop, place.path()));
    let path = guard.as_ref().unwrap().path().to_owned();
    let mut scope = backstop.scope("work");
    let held = scope.hold(TestDirectory::open(&backstop, place.path()));
    let mut scope = Some(scope);
    let ledger = backstop.ledger().unwrap();
    let code = in_forked_child(Duration::from_secs(60), || {
        drop(scope.take());
        let release = guard.take().unwrap().release();
        let tracked = TestDirectory::open(&backstop, path.parent().unwrap());
        let untracked = tracked.id().is_none();
        // The child's own, untracked as it is, is the child's to leave behind.
        let own = tracked.path().to_owned();
        drop(tracked);
        let _ = std::fs::remove_dir_all(own);
        let removed = ledger.remove();
        u8::from(!(release.attempts == 0 && untracked && removed.is_ok()))
    });
    assert_eq!(code.unwrap(), Some(0));
    assert!(path.exists() && held.path().exists());
    assert!(
        ledger.path().unwrap().exists(),
        "the child took the ledger away"
    );
    assert!(guard.take().unwrap().release().outcome.is_released());
    assert!(scope.take().unwrap().finish().is_clean());
    assert!(!path.exists() && !held.path().exists());
    ledger.remove().unwrap();
}

#[test]
fn a_forked_child_that_lives_on_does_not_keep_the_lease() {
    if role::assigned().is_some() {
        let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
        let _guard = TestDirectory::open(&Backstop::global(), &place);
        let _ = in_forked_child(Duration::from_secs(120), || {
            role::say(&std::process::id().to_string());
            role::wait_for_cue();
            0
        });
        role::wait_to_be_killed();
    }
    let place = tempfile::tempdir().unwrap();
    let ledgers = place.path().join("ledgers");
    let mut command = role::command("owner").unwrap();
    command
        .env("BACKSTOP_DIR", &ledgers)
        .env(PLACE, place.path());
    let mut owner = Actor::start(&mut command);
    let child: i32 = owner.next_line().unwrap().parse().unwrap();
    let child = PinnedProcess::pin(child).unwrap();
    let sweep = || {
        Sweep::new(&Reclaimers::new().with(DirectoryReclaimer))
            .directories(vec![ledgers.clone()])
            .run()
    };
    assert_eq!(sweep().ledgers[0].fate, LedgerFate::OwnerAlive);
    // Only the owner: its child still waits for a cue, which `kill` does not give.
    let owner_process = PinnedProcess::pin(owner.pid() as i32).unwrap();
    let _ = owner_process.signal(Signal::KILL).unwrap();
    assert!(owner_process.wait_exit(Duration::from_secs(60)).unwrap());
    assert!(!child.has_exited());
    let report = sweep();
    assert_eq!(report.ledgers[0].fate, LedgerFate::Removed, "{report:?}");
    assert_eq!(report.left().count(), 0);
    let _ = child.signal(Signal::KILL).unwrap();
}
