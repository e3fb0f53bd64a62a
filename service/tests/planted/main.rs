//! Leaks of each sort, planted in a program that monitors itself: each is found within its window,
//! by its own kind and no other; what only resembles a leak is not found at all.
#![cfg(test)]

mod plant;
mod program;

use std::collections::BTreeSet;

use backstop_core::monitor::{ExpensiveReading, FindingKind};
use backstop_testkit::role::{self, Actor};

use plant::Plant;
use program::{Machine, Said, WINDOW};

/// On the second machine one of twenty samples has the expensive readings: too few for the window.
const MACHINES: [Machine; 2] = [Machine::Fast, Machine::Slow(20)];

/// Runs a program of its own with this planted in it, and has it find exactly these kinds: on a machine
/// on which readings cost nothing, and on one on which they cost many times their budget.
#[track_caller]
fn is_found_as(plant: Plant, kinds: &[FindingKind]) {
    if let Some(role) = role::assigned() {
        program::run(plant, Machine::of(&role));
        return;
    }
    for machine in MACHINES {
        is_found_on(machine, plant, kinds);
    }
}

#[track_caller]
fn is_found_on(machine: Machine, plant: Plant, kinds: &[FindingKind]) {
    let mut actor = Actor::start(&mut role::command(&machine.role()).unwrap());
    let mut found = Vec::new();
    let end = loop {
        let line = actor
            .next_line()
            .expect("the program reports until its end");
        match serde_json::from_str(&line).unwrap() {
            Said::Found { sample, finding } => {
                println!("{machine:?}, sample {sample}: {finding}");
                found.push((sample, finding));
            }
            Said::Over(end) => break end,
        }
    };
    assert!(actor.wait().success());
    println!("{end:?}");

    let ledger = end.readings.of(ExpensiveReading::Ledger);
    assert_eq!(ledger.due(), u64::from(end.samples));
    match machine {
        Machine::Fast => assert_eq!(ledger.left_out, 0),
        Machine::Slow(_) => assert!(ledger.left_out > 4 * ledger.taken, "{ledger:?}"),
    }
    let seen: BTreeSet<FindingKind> = found.iter().map(|(_, finding)| finding.kind).collect();
    assert_eq!(seen, kinds.iter().copied().collect(), "{end:?}");
    for kind in kinds {
        let first = found.iter().find(|(_, finding)| finding.kind == *kind);
        let (sample, finding) = first.unwrap();
        let due = machine.due();
        assert!(
            *sample <= due,
            "{sample} samples until {finding}, not {due}"
        );
        let is_disclosed = finding.evidence.sparse.is_some_and(|sparse| {
            sparse.taken < sparse.due
                && sparse.window > Some(WINDOW)
                && finding
                    .evidence
                    .text
                    .contains("cost more than their budget")
        });
        assert_eq!(
            is_disclosed,
            machine != Machine::Fast && has_a_window_of_readings(*kind),
            "{finding}"
        );
    }
    if plant == Plant::Retained {
        assert!(end.trimmed > 8 << 20, "{end:?}");
    }
}

/// Whether findings of this kind are made of a window of readings that have a budget: open files and
/// threads of the own process have none, and one reading finds what is held or stuck.
fn has_a_window_of_readings(kind: FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::GrowingMemory
            | FindingKind::RetainedMemory
            | FindingKind::NativeMemory
            | FindingKind::GrowingChildren
            | FindingKind::GrowingKind
            | FindingKind::GrowingSite
    )
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
