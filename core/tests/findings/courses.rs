//! Growth: of what, from when on, and until when.

use backstop_core::monitor::{
    Change, FindingKind, FindingSubject, HeapSample, LedgerTally, Limits, Severity,
};
use backstop_core::resource::Bytes;

use crate::played::{Played, ledger, minutes, site};

fn megabytes(count: f64) -> Bytes {
    Bytes((count * 1e6) as u64)
}

#[test]
fn growth_is_named_with_its_figures_and_clears_when_it_stops() {
    let mut played = Played::new(Limits::default());
    // 20 MB a minute.
    played.run(minutes(15), |seconds, sample| {
        sample.process.resident = megabytes(200.0 + seconds / 3.0);
    });
    let finding = played.only();
    assert_eq!(finding.kind, FindingKind::GrowingMemory);
    assert_eq!(finding.subject, FindingSubject::Process);
    assert_eq!(finding.severity, Severity::High);
    let per_hour = finding.evidence.per_hour.unwrap();
    assert!((per_hour / 1.2e9 - 1.0).abs() < 0.05, "{per_hour}");
    let text = &finding.evidence.text;
    assert_eq!(
        text,
        "memory in use grew by 200.0 MB in 10 min, 1.2 GB/hour, rising in 100 % of comparisons, to \
         500.0 MB"
    );
    played.run(minutes(15), |_, sample| {
        sample.process.resident = megabytes(500.0);
    });
    assert_eq!(played.cleared(), [FindingKind::GrowingMemory]);
    assert!(played.findings.open().is_empty());
    let (_, Change::Cleared(cleared)) = played.changes.last().unwrap() else {
        panic!("{:?}", played.changes);
    };
    assert!(cleared.cleared.is_some());
    assert!(cleared.seen > 20, "{}", cleared.seen);
    assert_eq!(cleared.openings, 1);
}

#[test]
fn what_grows_again_opens_again_and_says_for_which_time() {
    let mut played = Played::new(Limits::default());
    for round in 0..3 {
        let base = f64::from(round) * 300.0;
        played.run(minutes(15), |seconds, sample| {
            sample.process.handles = Some((100.0 + base + seconds / 3.0) as u64);
            sample.process.handle_limit = Some(1 << 20);
        });
        played.run(minutes(30), |_, sample| {
            sample.process.handles = Some((400.0 + base) as u64);
            sample.process.handle_limit = Some(1 << 20);
        });
    }
    assert_eq!(played.opened(), [FindingKind::GrowingHandles; 3]);
    assert_eq!(played.cleared(), [FindingKind::GrowingHandles; 3]);
    let openings = played
        .changes
        .iter()
        .filter_map(|(_, change)| match change {
            Change::Opened(finding) => Some(finding.openings),
            _ => None,
        });
    assert_eq!(openings.collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn memory_is_named_by_who_has_it() {
    let base = HeapSample {
        in_use: Bytes::megabytes(60),
        held: Bytes::megabytes(70),
        own: None,
    };
    let grows = |change: fn(&mut HeapSample, Bytes)| {
        let mut played = Played::new(Limits::default());
        played.run(minutes(15), |seconds, sample| {
            let more = megabytes(seconds / 3.0);
            let mut heap = base;
            change(&mut heap, more);
            sample.process.heap = Some(heap);
            sample.process.resident += more;
        });
        played.opened()
    };
    let in_use = grows(|heap, more| {
        heap.in_use += more;
        heap.held += more;
    });
    assert_eq!(in_use, [FindingKind::GrowingMemory]);
    let retained = grows(|heap, more| heap.held += more);
    assert_eq!(retained, [FindingKind::RetainedMemory]);
    let mapped = grows(|_, _| {});
    assert_eq!(mapped, [FindingKind::NativeMemory]);
    let own_allocator = grows(|heap, more| heap.own = Some(Bytes::megabytes(50) + more));
    assert_eq!(own_allocator, [FindingKind::GrowingMemory]);
    let c_libraries = grows(|heap, more| {
        heap.own = Some(Bytes::megabytes(50));
        heap.in_use += more;
        heap.held += more;
    });
    assert_eq!(c_libraries, [FindingKind::NativeMemory]);
}

#[test]
fn an_allocator_that_cannot_be_asked_now_and_then_is_no_growth() {
    let mut played = Played::new(Limits::default());
    played.run(minutes(60), |seconds, sample| {
        let asked = ((seconds / 300.0) as u64).is_multiple_of(2);
        sample.process.heap = asked.then_some(HeapSample {
            in_use: Bytes::megabytes(20),
            held: Bytes::megabytes(30),
            own: None,
        });
    });
    assert_eq!(played.opened(), []);
}

#[test]
fn kinds_and_sites_are_named_and_a_site_has_its_rate() {
    let mut played = Played::new(Limits::default());
    played.run(minutes(15), |seconds, sample| {
        let leaked = (seconds / 5.0) as u64;
        let ledger = ledger(sample);
        let tally = |live| LedgerTally {
            live,
            ..LedgerTally::default()
        };
        ledger
            .kinds
            .insert("db.connection".to_owned(), tally(4 + leaked));
        ledger.kinds.insert("tempfs.file".to_owned(), tally(500));
        ledger.sites = vec![
            site("db.connection", "src/query.rs:12", 2 + leaked),
            site("db.connection", "src/main.rs:3", 2),
            site("tempfs.file", "src/work.rs:9", 500),
        ];
    });
    let mut opened = played.opened();
    opened.sort_unstable();
    assert_eq!(opened, [FindingKind::GrowingKind, FindingKind::GrowingSite]);
    let leaks = played.findings.leaks();
    let [leak] = &leaks[..] else {
        panic!("{leaks:?}");
    };
    assert_eq!(
        (leak.site.as_str(), leak.openings, leak.open),
        ("src/query.rs:12", 1, 1)
    );
    let per_hour = leak.per_hour.unwrap();
    assert!((per_hour - 720.0).abs() < 20.0, "{per_hour}");
    // All of that kind go.
    played.run(minutes(15), |_, sample| {
        ledger(sample).sites = vec![site("tempfs.file", "src/work.rs:9", 500)];
    });
    assert!(played.findings.open().is_empty());
    assert_eq!(played.findings.leaks()[0].per_hour, None);
}

#[test]
fn one_cache_that_grows_is_named_though_it_stays_one() {
    let mut played = Played::new(Limits::default());
    played.run(minutes(15), |seconds, sample| {
        let tally = LedgerTally {
            live: 1,
            bytes: megabytes(seconds),
            handles: 0,
        };
        ledger(sample)
            .kinds
            .insert("memory.cache".to_owned(), tally);
    });
    let finding = played.only();
    assert_eq!(finding.kind, FindingKind::GrowingKind);
    let text = &finding.evidence.text;
    assert!(
        text.starts_with("what all memory.cache occupy grew by 600.0 MB in 10 min"),
        "{text}"
    );
}

#[test]
fn a_pool_that_grew_once_is_none() {
    let mut played = Played::new(Limits::default());
    played.run(minutes(60), |seconds, sample| {
        sample.process.threads = if seconds < 1000.0 { 8 } else { 200 };
        sample.process.children = Some(if seconds < 1500.0 { 2 } else { 66 });
    });
    assert_eq!(played.opened(), []);
}

#[test]
fn children_that_are_not_reaped_are_named() {
    let mut played = Played::new(Limits::default());
    played.run(minutes(15), |seconds, sample| {
        sample.process.children = Some((seconds / 4.0) as u32);
    });
    assert_eq!(played.only().kind, FindingKind::GrowingChildren);
}

#[test]
fn a_sawtooth_longer_than_the_window_is_found_on_its_first_tooth_at_most() {
    let mut played = Played::new(Limits::default());
    // 25 minutes a tooth, for two and a half hours.
    played.run(minutes(150), |seconds, sample| {
        let tooth = (seconds / 1500.0).fract();
        sample.process.resident = megabytes(200.0 + 400.0 * tooth);
    });
    assert_eq!(played.opened(), [FindingKind::GrowingMemory]);
    assert_eq!(played.cleared(), [FindingKind::GrowingMemory]);
    let (cleared, _) = played.changes.last().unwrap();
    assert!(*cleared < minutes(30), "{cleared:?}");
}

#[test]
fn a_slow_leak_is_found_in_the_long_window() {
    let mut played = Played::new(Limits::default());
    // 100 MB an hour: 17 MB a window.
    played.run(minutes(60), |seconds, sample| {
        sample.process.resident = megabytes(200.0 + seconds / 36.0);
    });
    let finding = played.only();
    assert_eq!(finding.kind, FindingKind::GrowingMemory);
    assert_eq!(finding.severity, Severity::High);
    assert!(finding.first_seen.since(&played.start) < minutes(50));
}

#[test]
fn rare_samples_find_it_in_the_long_window_and_it_clears() {
    let mut played = Played::new(Limits::default());
    let interval = minutes(5);
    for round in 0..30_u64 {
        played.take(interval, |sample| {
            sample.process.threads = 8 + 20 * round.min(15) as u32;
        });
    }
    assert_eq!(played.opened(), [FindingKind::GrowingThreads]);
    assert_eq!(played.cleared(), [FindingKind::GrowingThreads]);
}

#[test]
fn another_process_starts_from_scratch() {
    let mut played = Played::new(Limits::default());
    played.run(minutes(15), |seconds, sample| {
        sample.process.threads = 8 + seconds as u32;
    });
    assert_eq!(played.only().kind, FindingKind::GrowingThreads);
    played.run(minutes(1), |_, sample| sample.process.pid = 43);
    assert_eq!(played.cleared(), [FindingKind::GrowingThreads]);
}

#[test]
fn releases_that_end_stuck_are_named_by_their_share() {
    let mut played = Played::new(Limits::default());
    let release = |released: u64, stuck: u64| {
        move |_: f64, sample: &mut backstop_core::monitor::Sample| {
            ledger(sample).released = released;
            ledger(sample).stuck = stuck;
        }
    };
    played.run(minutes(5), release(1000, 100));
    assert_eq!(
        played.opened(),
        [],
        "growth before the restart is not reported again"
    );
    played.run(minutes(5), release(1100, 110));
    let finding = played.only();
    assert_eq!(finding.kind, FindingKind::FailedCleanup);
    assert_eq!(finding.severity, Severity::Medium);
    let text = &finding.evidence.text;
    assert!(text.starts_with("10 of 110 releases of the last"), "{text}");
    played.run(minutes(15), release(2000, 110));
    assert_eq!(played.cleared(), [FindingKind::FailedCleanup]);
}
