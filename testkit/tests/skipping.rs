//! What could not be tested is written down, a line each.
#![cfg(test)]

use backstop_testkit::role::{self, Actor};
use backstop_testkit::{SKIP_LOG, Suite, skip};

#[test]
fn skipped_suites_are_collected() {
    if role::assigned().is_some() {
        skip(Suite::Cgroup, "no device\nhere");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("skipped");
    for _ in 0..2 {
        let mut command = role::command("skipper").unwrap();
        command
            .env(SKIP_LOG, &log)
            .stderr(std::process::Stdio::null());
        assert!(Actor::start(&mut command).wait().success());
    }
    let line = "BACKSTOP-SKIPPED: cgroup [skipped_suites_are_collected]: no device here\n";
    assert_eq!(std::fs::read_to_string(log).unwrap(), line.repeat(2));
}
