//! Owners that begin and end while others sweep lose nothing, not even their ledger.
#![cfg(test)]

use std::sync::atomic::{AtomicBool, Ordering};

use backstop_core::Backstop;
use backstop_core::reclaim::{LedgerFate, Reclaimers, Sweep};
use backstop_core::release::Tracking;

use backstop_testkit::subjects::directory::{DirectoryReclaimer, TestDirectory};

#[test]
fn an_owner_that_begins_during_a_sweep_keeps_its_ledger() {
    let place = tempfile::tempdir().unwrap();
    let ledgers = place.path().join("ledgers");
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let reclaimers = Reclaimers::new().with(DirectoryReclaimer);
            while !done.load(Ordering::Relaxed) {
                let report = Sweep::new(&reclaimers)
                    .directories(vec![ledgers.clone()])
                    .run();
                for ledger in report.ledgers {
                    assert_eq!(ledger.fate, LedgerFate::OwnerAlive, "{ledger:?}");
                }
            }
        });
        // Also when an assertion fails: the scope waits for the thread.
        let _done = Done(&done);
        for _ in 0..300 {
            let backstop = Backstop::builder()
                .tracking(Tracking::Directory(ledgers.clone()))
                .start();
            assert_eq!(backstop.degraded(), None);
            let guard = TestDirectory::open(&backstop, place.path());
            let path = guard.path().to_owned();
            assert!(path.exists());
            assert!(guard.release().outcome.is_released());
            backstop.ledger().unwrap().remove().unwrap();
        }
    });
}

struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
