//! Clocks that jump, and machines that sleep.

use std::time::Duration;

use backstop_core::monitor::{Change, Disturbance, FindingKind, Limits, Sample};
use backstop_core::resource::Bytes;
use jiff::SignedDuration;

use crate::played::{Played, ledger, minutes, sample_at};

fn hours(count: u64) -> Duration {
    minutes(count * 60)
}

/// Shifts the clocks, as a night asleep does.
fn sleep(played: &mut Played, span: Duration) {
    played.at = played.at.later(span);
    played.at.awake -= span;
}

#[test]
fn a_night_asleep_makes_nothing_grow() {
    let mut played = Played::new(Limits::default());
    for night in 0..10_u64 {
        // Each morning the program reconnects, and keeps more.
        played.run(minutes(12), |seconds, sample| {
            let filled = (seconds / 50.0).min(1.0) * 200.0 + night as f64 * 200.0;
            sample.process.handles = Some(filled as u64);
            sample.process.handle_limit = Some(1 << 20);
            sample.process.resident = Bytes::megabytes(100 + night * 60);
        });
        sleep(&mut played, hours(8));
    }
    assert_eq!(played.opened(), []);
}

#[test]
fn open_findings_survive_a_suspended_night_and_clear_when_checked_again() {
    let mut played = Played::new(Limits::default());
    played.run(minutes(15), |seconds, sample| {
        sample.process.threads = 8 + seconds as u32;
    });
    sleep(&mut played, hours(8));
    played.run(minutes(5), |_, sample| sample.process.threads = 908);
    assert_eq!(played.only().kind, FindingKind::GrowingThreads);
    played.run(minutes(10), |_, sample| sample.process.threads = 908);
    assert_eq!(played.cleared(), [FindingKind::GrowingThreads]);
}

#[test]
fn the_first_sample_after_a_night_opens_no_held() {
    let mut played = Played::new(Limits::default());
    let held = |sample: &mut Sample| {
        ledger(sample).suspects = vec![crate::played::holding(
            "db.connection",
            "a.rs:1",
            hours(9),
            hours(8),
        )];
    };
    played.take(minutes(1), |_| {});
    sleep(&mut played, hours(8));
    let changes = played.take(minutes(1), |sample| {
        sample.disturbances = vec![Disturbance::Suspended { span: hours(8) }];
        held(sample);
    });
    assert!(changes.is_empty(), "{changes:?}");
    let changes = played.take(minutes(1), held);
    assert!(matches!(&changes[..], [Change::Opened(_)]), "{changes:?}");
}

#[test]
fn a_calendar_that_is_set_changes_nothing() {
    let grow = |is_set: bool| {
        let mut played = Played::new(Limits::default());
        for round in 0..200_i64 {
            played.take(Duration::from_secs(10), |sample| {
                sample.process.threads = 8 + round as u32;
                if is_set {
                    sample.at.time += SignedDuration::from_hours((round % 7 - 3) * 24);
                }
            });
        }
        played
            .changes
            .iter()
            .map(|(at, change)| (*at, change.finding().kind))
            .collect::<Vec<_>>()
    };
    assert_eq!(grow(true), grow(false));
    assert_eq!(grow(true).len(), 1);
}

#[test]
fn a_sample_that_is_not_later_is_left_out() {
    let mut played = Played::new(Limits::default());
    played.take(minutes(1), |_| {});
    let mut early = sample_at(played.start);
    early.process.handles = Some(1024);
    assert!(played.findings.observe(&early).is_empty());
    assert!(played.findings.open().is_empty());
}
