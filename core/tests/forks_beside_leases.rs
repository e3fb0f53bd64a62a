//! Leases that come and go disturb no child that is forked meanwhile.

use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use backstop_core::ledger::{Lease, LeaseAttempt};
use backstop_os::before_exec::BeforeExec;

#[test]
fn a_forked_child_loses_no_descriptor_to_a_lease_that_ended() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("leased");
    File::create(&path).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // Held for a moment longer by each child until it executes.
                match Lease::attempt(File::open(&path).unwrap()).unwrap() {
                    LeaseAttempt::Won(lease) => drop(lease),
                    LeaseAttempt::Held(_) => {}
                }
            }
        });
        for _ in 0..500 {
            let mut command = Command::new("true");
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            // Whatever is done before exec makes it a fork.
            BeforeExec::new().new_session().apply(&mut command);
            let spawned = command.spawn().map(|mut child| child.wait());
            if spawned.is_err() {
                done.store(true, Ordering::Relaxed);
            }
            assert!(spawned.unwrap().unwrap().success());
        }
        done.store(true, Ordering::Relaxed);
    });
}
