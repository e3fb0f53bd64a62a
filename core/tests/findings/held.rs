//! Resources that are held for too long, or without an owner.

use std::time::Duration;

use backstop_core::monitor::{
    Change, FindingKind, FindingSubject, Holding, HoldingLimit, Limits, Severity,
};

use crate::played::{Played, holding, ledger, minutes};

const INTERVAL: Duration = Duration::from_secs(30);

fn suspects(played: &mut Played, suspects: Vec<Holding>, others: u64) -> Vec<Change> {
    played.take(INTERVAL, |sample| {
        ledger(sample).suspects = suspects;
        ledger(sample).other_suspects = others;
    })
}

#[test]
fn a_suspect_is_a_finding_at_once_and_clears_when_it_is_given_back() {
    let mut played = Played::new(Limits::default());
    let idle = holding("db.connection", "src/query.rs:12", minutes(40), minutes(20));
    suspects(&mut played, vec![idle.clone(), idle.clone()], 0);
    let finding = played.only();
    assert_eq!(finding.kind, FindingKind::HeldIdle);
    assert_eq!(finding.severity, Severity::Low);
    assert_eq!(
        finding.subject,
        FindingSubject::Site {
            kind: "db.connection".to_owned(),
            site: "src/query.rs:12".to_owned()
        }
    );
    assert_eq!(finding.evidence.text, "2 untouched, `a label` for 20 min");
    let leaks = played.findings.leaks();
    assert_eq!((leaks[0].suspects, leaks[0].openings), (2, 1));

    let changes = suspects(&mut played, Vec::new(), 0);
    assert!(matches!(&changes[..], [Change::Cleared(_)]), "{changes:?}");
    suspects(&mut played, vec![idle], 0);
    assert_eq!(played.only().openings, 2);
    let leaks = played.findings.leaks();
    assert_eq!(
        (leaks[0].suspects, leaks[0].most_suspects, leaks[0].openings),
        (1, 2, 2)
    );
}

#[test]
fn what_no_suspect_is_was_allowed() {
    let mut played = Played::new(Limits::default());
    for _ in 0..200 {
        let changes = suspects(&mut played, Vec::new(), 0);
        assert!(changes.is_empty(), "{changes:?}");
    }
}

#[test]
fn each_suspect_has_one_reason() {
    let mut played = Played::new(Limits::default());
    let old = Holding {
        passed: Some(HoldingLimit::Lifetime(minutes(60))),
        ..holding("db.connection", "a.rs:1", minutes(90), minutes(0))
    };
    // Touched now and then, and yet not as often as its policy wants.
    let by_policy = Holding {
        passed: Some(HoldingLimit::Idle(minutes(2))),
        ..holding("webdriver.session", "a.rs:2", minutes(30), minutes(3))
    };
    let idle = holding("tempfs.dir", "a.rs:3", minutes(50), minutes(50));
    let orphan = Holding {
        thread_ended: true,
        ..holding("camera.source", "a.rs:4", minutes(90), minutes(80))
    };
    let timer = Holding {
        thread_ended: true,
        ..holding("process.timer", "a.rs:5", minutes(5), minutes(0))
    };
    suspects(&mut played, vec![old, by_policy, idle, orphan, timer], 0);
    let mut kinds: Vec<_> = played
        .findings
        .open()
        .into_iter()
        .map(|finding| (finding.subject.to_string(), finding.kind))
        .collect();
    kinds.sort();
    let limits = |kind: FindingKind| -> Vec<f64> {
        let open = played.findings.open().into_iter();
        let mut limits: Vec<_> = open
            .filter(|finding| finding.kind == kind)
            .map(|finding| finding.evidence.limit)
            .collect();
        limits.sort_by(f64::total_cmp);
        limits
    };
    assert_eq!(limits(FindingKind::OverLifetime), [3600.0]);
    assert_eq!(limits(FindingKind::HeldIdle), [120.0, 600.0]);
    assert_eq!(
        kinds,
        [
            (
                "camera.source from a.rs:4".to_owned(),
                FindingKind::OrphanedResource
            ),
            (
                "db.connection from a.rs:1".to_owned(),
                FindingKind::OverLifetime
            ),
            (
                "process.timer from a.rs:5".to_owned(),
                FindingKind::OrphanedThread
            ),
            ("tempfs.dir from a.rs:3".to_owned(), FindingKind::HeldIdle),
            (
                "webdriver.session from a.rs:2".to_owned(),
                FindingKind::HeldIdle
            ),
        ]
    );
}

#[test]
fn a_list_cut_short_clears_nothing_until_long_silence() {
    let mut played = Played::new(Limits::default());
    let first = holding("db.connection", "a.rs:1", minutes(90), minutes(20));
    let other = holding("db.connection", "a.rs:2", minutes(90), minutes(20));
    suspects(&mut played, vec![first], 0);
    for _ in 0..10 {
        suspects(&mut played, vec![other.clone()], 1000);
    }
    assert_eq!(played.findings.open().len(), 2);
    assert_eq!(played.findings.loss().suspects, 1000);
    while played.cleared().is_empty() {
        assert!(played.at.since(&played.start) < minutes(60));
        suspects(&mut played, vec![other.clone()], 1000);
    }
    assert_eq!(played.findings.open().len(), 1);
}

#[test]
fn many_of_one_place_are_one_finding_and_worse() {
    let mut played = Played::new(Limits::default());
    let idle = holding("db.connection", "a.rs:1", minutes(30), minutes(20));
    suspects(&mut played, vec![idle.clone(); 3], 0);
    assert_eq!(played.only().severity, Severity::Low);
    let changes = suspects(&mut played, vec![idle.clone(); 10], 0);
    assert!(matches!(&changes[..], [Change::Severity(_)]), "{changes:?}");
    assert_eq!(played.only().severity, Severity::Medium);
    // It wavers: worse at once, better after a while.
    for count in [9, 10, 9, 10, 9] {
        assert!(suspects(&mut played, vec![idle.clone(); count], 0).is_empty());
    }
    while played.only().severity == Severity::Medium {
        assert!(played.at.since(&played.start) < minutes(15));
        suspects(&mut played, vec![idle.clone(); 9], 0);
    }
}
