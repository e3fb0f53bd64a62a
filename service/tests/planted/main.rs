//! Leaks of each sort, planted in a program that monitors itself: each is found within its window,
//! by its own kind and no other; what only resembles a leak is not found at all.
#![cfg(test)]

mod plant;
mod program;

use std::collections::BTreeSet;

use backstop_core::monitor::FindingKind;
use backstop_testkit::role::{self, Actor};

use plant::Plant;
use program::{Said, WARM_UP, WINDOW};

/// Runs a program with this planted in it, and requires it to find exactly these kinds.
#[track_caller]
fn is_found_as(plant: Plant, kinds: &[FindingKind]) {
    if role::assigned().is_some() {
        program::run(plant);
        return;
    }
    let mut actor = Actor::start(&mut role::command("planted").unwrap());
    let mut found = Vec::new();
    let end = loop {
        let line = actor
            .next_line()
            .expect("the program reports until its end");
        match serde_json::from_str(&line).unwrap() {
            Said::Found { sample, finding } => {
                println!("sample {sample}: {finding}");
                found.push((sample, finding));
            }
            Said::Over(end) => break end,
        }
    };
    assert!(actor.wait().success());
    println!("{end:?}");

    // By samples rather than by the clock: on a busy machine they are late, and a quarter of a
    // window without any yields nothing until it is out of the window.
    let due = program::samples(WARM_UP + WINDOW * (1 + end.stalls));
    let seen: BTreeSet<FindingKind> = found.iter().map(|(_, finding)| finding.kind).collect();
    assert_eq!(seen, kinds.iter().copied().collect(), "{end:?}");
    for kind in kinds {
        let first = found.iter().find(|(_, finding)| finding.kind == *kind);
        let (sample, finding) = first.unwrap();
        assert!(*sample <= due, "{sample} samples until {finding}");
    }
    if plant == Plant::Retained {
        assert!(end.trimmed > 8 << 20, "{end:?}");
    }
}

#[test]
fn memory_that_is_never_freed() {
    is_found_as(Plant::Memory, &[FindingKind::GrowingMemory]);
}

#[test]
fn memory_that_only_the_allocator_keeps() {
    is_found_as(Plant::Retained, &[FindingKind::RetainedMemory]);
}

#[test]
fn files_that_are_never_closed() {
    is_found_as(Plant::Handles, &[FindingKind::GrowingHandles]);
}

#[test]
fn threads_that_never_end() {
    is_found_as(Plant::Threads, &[FindingKind::GrowingThreads]);
}

#[test]
fn threads_with_much_on_their_stacks() {
    let kinds = [FindingKind::GrowingThreads, FindingKind::NativeMemory];
    is_found_as(Plant::Stacks, &kinds);
}

#[test]
fn children_that_are_never_reaped() {
    is_found_as(Plant::Children, &[FindingKind::GrowingChildren]);
}

#[test]
fn a_connection_that_is_not_used() {
    is_found_as(Plant::HeldConnection, &[FindingKind::HeldIdle]);
}

#[test]
fn connections_that_are_never_returned() {
    let kinds = [FindingKind::GrowingKind, FindingKind::GrowingSite];
    is_found_as(Plant::Connections, &kinds);
}

#[test]
fn a_cache_without_a_bound() {
    let kinds = [FindingKind::GrowingMemory, FindingKind::GrowingKind];
    is_found_as(Plant::Cache, &kinds);
}

#[test]
fn a_directory_whose_thread_has_ended() {
    is_found_as(Plant::Orphan, &[FindingKind::OrphanedResource]);
}

#[test]
fn a_timer_whose_thread_has_ended() {
    is_found_as(Plant::OrphanedTimer, &[FindingKind::OrphanedThread]);
}

#[test]
fn a_session_over_its_lifetime() {
    is_found_as(Plant::OverLifetime, &[FindingKind::OverLifetime]);
}

#[test]
fn releases_that_end_stuck() {
    is_found_as(Plant::Stuck, &[FindingKind::FailedCleanup]);
}

#[test]
fn a_hold_that_its_policy_allows_is_no_leak() {
    is_found_as(Plant::AllowedHold, &[]);
}

#[test]
fn a_pool_of_threads_that_grew_once_is_no_leak() {
    is_found_as(Plant::Pool, &[]);
}

#[test]
fn a_cache_that_fills_up_is_no_leak() {
    is_found_as(Plant::FilledCache, &[]);
}

#[test]
fn memory_that_comes_and_goes_is_no_leak() {
    is_found_as(Plant::Sawtooth, &[]);
}
