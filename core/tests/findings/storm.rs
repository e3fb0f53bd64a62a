//! More findings than anyone can read.

use std::collections::BTreeSet;
use std::time::Duration;

use backstop_core::monitor::{FindingKind, Findings, Limits, Severity};

use crate::played::{Played, holding, ledger, minutes};

#[test]
fn a_storm_of_a_hundred_thousand_findings_is_bounded_and_its_loss_disclosed() {
    let mut played = Played::new(Limits::default());
    let (samples, each) = (400_u64, 250_u64);
    let mut opened = BTreeSet::new();
    let mut longest = 0;
    for number in 0..samples {
        played.take(Duration::from_secs(1), |sample| {
            let ledger = ledger(sample);
            ledger.suspects = (0..each)
                .map(|index| {
                    let site = format!("src/storm.rs:{}", number * each + index);
                    holding("db.connection", &site, minutes(30), minutes(20))
                })
                .collect();
            ledger.other_suspects = 7;
        });
        opened.extend(
            played
                .findings
                .open()
                .into_iter()
                .map(|finding| finding.subject),
        );
        longest = longest.max(played.findings.open().len());
    }
    let loss = played.findings.loss();
    let lost: u64 = loss.findings.values().sum();
    println!(
        "{longest} open at most, {lost} of {} not kept",
        samples * each
    );
    assert!(longest <= Findings::MOST_OPEN);
    assert_eq!(opened.len() as u64 + lost, samples * each);
    assert_eq!(loss.findings[&FindingKind::HeldIdle], lost);
    assert_eq!(loss.suspects, 7);
    let leaks = played.findings.leaks().len() as u64;
    assert!(leaks <= 512, "{leaks}");
    assert_eq!(leaks + loss.tallies, opened.len() as u64);

    // What matters more still has a place.
    played.take(Duration::from_secs(1), |sample| {
        sample.process.handles = Some(1020);
    });
    let worst = &played.findings.open()[0];
    assert_eq!(
        (worst.kind, worst.severity),
        (FindingKind::HandlesNearLimit, Severity::Critical)
    );

    // The storm is over: all of it goes.
    played.take(Duration::from_secs(1), |sample| {
        ledger(sample);
    });
    assert!(played.findings.open().is_empty());
}

#[test]
fn kinds_without_end_are_measured_within_bounds() {
    let mut played = Played::new(Limits::default());
    for number in 0..1000_u64 {
        played.take(Duration::from_secs(10), |sample| {
            let tally = backstop_core::monitor::LedgerTally {
                live: number,
                ..Default::default()
            };
            ledger(sample).kinds.insert(format!("kind.{number}"), tally);
        });
    }
    let loss = played.findings.loss();
    assert!(loss.series >= 900, "{}", loss.series);
}
