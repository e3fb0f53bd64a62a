//! Handles and memory near their limits.

use std::time::Duration;

use backstop_core::monitor::{Change, FindingKind, Limits, Severity, SystemSample};
use backstop_core::resource::Bytes;

use crate::played::Played;

const INTERVAL: Duration = Duration::from_secs(30);

/// What the changes of one kind say.
fn said(played: &Played) -> Vec<(FindingKind, Option<Severity>)> {
    let said = |(_, change): &(Duration, Change)| match change {
        Change::Cleared(finding) => (finding.kind, None),
        change => (change.finding().kind, Some(change.finding().severity)),
    };
    played.changes.iter().map(said).collect()
}

#[test]
fn handles_are_named_at_their_steps_and_cleared_five_points_below() {
    let mut played = Played::new(Limits::default());
    for handles in [60, 69, 70, 66, 70, 86, 84, 81, 79, 96, 50] {
        played.take(INTERVAL, |sample| {
            sample.process.handles = Some(handles);
            sample.process.handle_limit = Some(100);
        });
    }
    let kind = FindingKind::HandlesNearLimit;
    assert_eq!(
        said(&played),
        [
            (kind, Some(Severity::Medium)),
            (kind, Some(Severity::High)),
            (kind, Some(Severity::Medium)),
            (kind, Some(Severity::Critical)),
            (kind, None),
        ]
    );
    let (_, opened) = &played.changes[0];
    assert_eq!(
        opened.finding().evidence.text,
        "70 of 100 files are open, 70 %"
    );
}

#[test]
fn memory_is_measured_by_the_lower_of_size_and_share() {
    let mut played = Played::new(Limits::default());
    let machine = |total: u64, available: u64| {
        Some(SystemSample {
            memory_total: Bytes::megabytes(total),
            memory_available: Bytes::megabytes(available),
            ..SystemSample::default()
        })
    };
    for resident in [690, 700, 660, 860, 600] {
        played.take(INTERVAL, |sample| {
            sample.process.resident = Bytes::megabytes(resident);
            sample.system = machine(1000, 900);
        });
    }
    let kind = FindingKind::MemoryNearLimit;
    assert_eq!(
        said(&played),
        [
            (kind, Some(Severity::Medium)),
            (kind, Some(Severity::High)),
            (kind, None)
        ]
    );
    played.changes.clear();
    for available in [200, 140, 160, 70, 20, 500] {
        played.take(INTERVAL, |sample| sample.system = machine(1000, available));
    }
    let kind = FindingKind::SystemMemoryNearLimit;
    assert_eq!(
        said(&played),
        [
            (kind, Some(Severity::Medium)),
            (kind, Some(Severity::High)),
            (kind, Some(Severity::Critical)),
            (kind, None),
        ]
    );
}
