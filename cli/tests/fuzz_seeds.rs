//! The fuzzer's seeds go through everything that reads bytes, without the fuzzer.
#![cfg(test)]

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a library of its own for the fuzzer")]
mod targets;

use std::path::Path;

/// Replays what is kept for a target.
fn replay(target: &str, take: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let mut count = 0;
    for seed in std::fs::read_dir(seeds.join(target)).unwrap() {
        take(&std::fs::read(seed.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "no seed of {target}");
}

#[test]
fn ledgers_are_answered() {
    replay("ledger", targets::ledger::take);
}

#[test]
fn recipes_are_answered() {
    replay("recipe", targets::recipe::take);
}

#[test]
fn receipts_are_answered() {
    replay("receipt", targets::receipt::take);
}

#[test]
fn histories_are_answered() {
    replay("history", targets::history::take);
}

#[test]
fn settings_are_answered() {
    replay("config", targets::config::take);
}
