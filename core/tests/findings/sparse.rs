//! Readings that are taken rarely, because each costs many times its budget: what grows is found over a
//! window that is wide enough, what does not grow is not found, and both are disclosed.

use std::time::Duration;

use backstop_core::monitor::{
    Change, ExpensiveReading, Finding, FindingKind, HeapSample, LedgerTally, Limits, Sample,
};
use backstop_core::resource::Bytes;

use crate::played::{Played, holding, ledger, minutes, site};

const INTERVAL: Duration = Duration::from_secs(10);
/// In a window of ten minutes are 60 samples, so that a fifteenth of them is too few.
const EVERY: [u32; 8] = [1, 2, 5, 10, 20, 40, 60, 100];

/// Plays so many samples, of which every `every`-th has the ledger; the first thirty all have it, as an
/// unspent budget makes it.
fn played(every: u32, samples: u32, mut fill: impl FnMut(u32, &mut Sample)) -> Played {
    let mut played = Played::new(Limits::default());
    for number in 0..samples {
        played.take(INTERVAL, |sample| {
            fill(number, sample);
            if number > 30 && !number.is_multiple_of(every) {
                sample.ledger = None;
                sample.process.heap = None;
                sample.process.children = None;
                sample.left_out = vec![
                    ExpensiveReading::Ledger,
                    ExpensiveReading::Heap,
                    ExpensiveReading::Children,
                ];
            }
        });
    }
    played
}

fn connections(live: u64) -> impl Fn(&mut Sample) {
    move |sample| {
        let ledger = ledger(sample);
        let tally = LedgerTally {
            live,
            ..LedgerTally::default()
        };
        ledger.kinds.insert("db.connection".to_owned(), tally);
        ledger.sites = vec![site("db.connection", "src/query.rs:12", live)];
    }
}

/// Two in each quarter of the window, whichever way the readings fall, and the next size up.
fn due(every: u32) -> Duration {
    let limits = Limits::default();
    let window = limits.window().max(10 * every * INTERVAL);
    // The first thirty samples, and the warm-up.
    window + 30 * INTERVAL + limits.warm_up()
}

fn first(played: &Played, kind: FindingKind) -> (Duration, Finding) {
    let opened = played.changes.iter().find_map(|(at, change)| match change {
        Change::Opened(finding) if finding.kind == kind => Some((*at, finding.clone())),
        _ => None,
    });
    opened.unwrap_or_else(|| panic!("no {kind} in {:#?}", played.opened()))
}

#[test]
fn what_grows_is_found_however_rarely_it_is_read_and_says_so() {
    for every in EVERY {
        // Three times what is allowed in a window, and as much memory.
        let played = played(every, 12 * every + 120, |number, sample| {
            connections(u64::from(number) * 5 / 2)(sample);
            sample.process.children = Some(number * 5 / 2);
            let more = Bytes(u64::from(number) * 2_500_000);
            sample.process.resident += more;
            sample.process.heap = Some(HeapSample {
                in_use: Bytes::megabytes(100) + more,
                held: Bytes::megabytes(110) + more,
                own: None,
            });
        });
        for kind in [
            FindingKind::GrowingKind,
            FindingKind::GrowingSite,
            FindingKind::GrowingChildren,
            FindingKind::GrowingMemory,
        ] {
            let (at, finding) = first(&played, kind);
            assert!(at <= due(every), "every {every}: {kind} after {at:?}");
            let sparse = finding.evidence.sparse;
            let text = &finding.evidence.text;
            assert_eq!(
                text.contains("cost more than their budget"),
                sparse.is_some_and(|sparse| sparse.taken < sparse.due)
            );
            if every >= 20 {
                let sparse = sparse.unwrap();
                assert!(sparse.taken < sparse.due, "{sparse:?}");
                assert!(
                    sparse.window > Some(Limits::default().window()),
                    "{sparse:?}"
                );
                assert!(text.contains("window widened to"), "{text}");
            }
            if every == 1 {
                assert_eq!(sparse, None);
            }
        }
        // It stays found, and opens once, however long it is until the next reading.
        assert_eq!(played.cleared(), [], "every {every}");
    }
}

#[test]
fn what_does_not_grow_is_not_found_however_rarely_it_is_read() {
    // Noise without a memory, a pool that grew once, and a cache that fills within a window.
    let courses: [fn(u32) -> u64; 4] = [
        |_| 300,
        |number| 300 + u64::from(number.wrapping_mul(2_654_435_761) >> 24),
        |number| if number < 70 { 20 } else { 500 },
        |number| 20 + 8 * u64::from(number.min(60)),
    ];
    for every in EVERY {
        for (index, course) in courses.into_iter().enumerate() {
            let played = played(every, 24 * every + 240, |number, sample| {
                connections(course(number))(sample);
            });
            let opened = played.opened();
            // What is full after a window fills it when every reading is taken, too.
            let expected: &[FindingKind] = match (index, every) {
                (3, _) => &opened,
                _ => &[],
            };
            assert_eq!(opened, expected, "course {index}, every {every}");
            assert!(
                played.findings.open().is_empty(),
                "course {index}, every {every}"
            );
        }
    }
}

#[test]
fn what_stops_growing_clears_however_rarely_it_is_read() {
    for every in EVERY {
        let stop = 12 * every + 120;
        let played = played(every, 4 * stop, |number, sample| {
            connections(u64::from(number.min(stop)) * 5 / 2)(sample);
        });
        let mut cleared = played.cleared();
        cleared.sort_unstable();
        assert_eq!(
            cleared,
            [FindingKind::GrowingKind, FindingKind::GrowingSite],
            "every {every}"
        );
        assert!(played.findings.open().is_empty());
    }
}

#[test]
fn a_hold_stays_found_between_two_rare_readings() {
    // A reading every hour, with a window of ten minutes.
    let every = 360;
    let played = played(every, 5 * every, |number, sample| {
        let age = (number + 120) * INTERVAL;
        ledger(sample).suspects = vec![holding("db.connection", "src/query.rs:12", age, age)];
    });
    assert_eq!(played.opened(), [FindingKind::HeldIdle]);
    assert_eq!(played.cleared(), []);
    let sparse = played.only().evidence.sparse.unwrap();
    // Up to the last that was read.
    assert_eq!(sparse.due, u64::from(4 * every) + 1);
    assert!(sparse.taken < 40, "{sparse:?}");
}

#[test]
fn what_a_ledger_accounts_for_is_not_native_while_the_ledger_is_left_out() {
    // 10 MB a minute of a mapped cache, which the ledger knows of, in a quarter of the samples.
    let played = played(4, 360, |number, sample| {
        let bytes = Bytes(u64::from(number) * 1_600_000);
        sample.process.resident += bytes;
        sample.process.heap = Some(HeapSample {
            in_use: Bytes::megabytes(60),
            held: Bytes::megabytes(70),
            own: None,
        });
        let tally = LedgerTally {
            live: 1,
            bytes,
            handles: 0,
        };
        ledger(sample)
            .kinds
            .insert("memory.cache".to_owned(), tally);
    });
    assert_eq!(played.opened(), [FindingKind::GrowingKind]);
    assert!(minutes(60) <= played.at.since(&played.start));
}
