//! Operations: what is measured, and what their statistics keep.

use std::hint::black_box;
use std::io;

use backstop_core::monitor::{OperationStatistics, Operations};
use backstop_core::release::{Backstop, End, Owned, Tracked, Tracking};
use backstop_core::resource::Kind;

const KIND: Kind = Kind::new("test.thing");

fn operations() -> (Backstop, Operations) {
    let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
    (backstop, Operations::new(backstop))
}

fn thing(backstop: Backstop, label: &'static str) -> Tracked<Owned<()>> {
    backstop.track_with(KIND, label, (), |()| Ok::<_, io::Error>(()))
}

#[test]
fn opened_and_left_resources_are_recorded_by_kind_and_site() {
    let (backstop, operations) = operations();
    let before = thing(backstop, "before");
    let mut kept = Vec::new();
    let mut operation = operations.begin("import");
    operation.hold(thing(backstop, "held"));
    drop(thing(backstop, "gone"));
    for _ in 0..3 {
        kept.push(thing(backstop, "kept"));
    }
    let account = operation.finish();
    assert_eq!(account.end, End::Finished);
    assert_eq!(account.opened_count(), 5);
    // All from the one place within `thing`.
    assert!(account.opened[0].site.contains("operations.rs"));
    assert_eq!(account.left_count(), 3, "{account:?}");
    assert_eq!(account.left[0].kind, "test.thing");
    assert_eq!(account.left[0].example.as_deref(), Some("kept"));
    assert_eq!(account.releases.len(), 1);
    drop((before, kept));
}

#[test]
fn an_inner_operation_is_included_in_the_outer_one() {
    let (backstop, operations) = operations();
    let outer = operations.begin("outer");
    let first = thing(backstop, "outer's");
    let inner = operations.begin("inner");
    let second = thing(backstop, "inner's");
    let inner = inner.finish();
    let outer = outer.finish();
    assert_eq!((inner.opened_count(), inner.left_count()), (1, 1));
    assert_eq!((outer.opened_count(), outer.left_count()), (2, 2));
    drop((first, second));
}

#[test]
fn operations_that_end_crosswise_keep_their_own() {
    let (backstop, operations) = operations();
    let first = operations.begin("first");
    let second = operations.begin("second");
    drop(thing(backstop, "in both"));
    assert_eq!(first.finish().opened_count(), 1);
    drop(thing(backstop, "in the second"));
    let third = operations.begin("third");
    assert_eq!(second.finish().opened_count(), 2);
    drop(thing(backstop, "in the third"));
    assert_eq!(third.finish().opened_count(), 1);
}

#[test]
fn what_other_threads_open_is_not_the_operations() {
    let (backstop, operations) = operations();
    let operation = operations.begin("import");
    std::thread::spawn(move || drop(thing(backstop, "another's")))
        .join()
        .unwrap();
    assert_eq!(operation.finish().opened_count(), 0);
}

#[test]
fn many_that_come_and_go_leave_those_that_stay() {
    let (backstop, operations) = operations();
    let operation = operations.begin("import");
    let mut kept = Vec::new();
    for number in 0..10_000 {
        let one = thing(backstop, "one");
        if number % 1000 == 0 {
            kept.push(one);
        }
    }
    let account = operation.finish();
    assert_eq!(account.opened_count(), 10_000);
    assert_eq!(account.left_count(), 10);
    drop(kept);
}

#[test]
fn errors_panics_and_cancellation_end_it_and_are_counted() {
    let (_, operations) = operations();
    let failed = operations.run("work", |_| Err::<(), _>("no"));
    assert!(failed.value.is_err());
    assert_eq!(failed.account.end, End::Failed);
    let cancelled = operations.run("work", |operation| {
        operation.token().cancel();
        Ok::<_, ()>(1)
    });
    assert!(cancelled.value.is_err());
    assert_eq!(cancelled.account.end, End::Cancelled);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        operations.run("work", |_| -> Result<(), ()> { panic!("of the body") })
    }));
    assert!(panicked.is_err());
    drop(operations.begin("work"));
    let fine = operations.run("work", |_| Ok::<_, ()>(()));
    assert_eq!(fine.account.end, End::Finished);
    let statistics = &operations.statistics().names["work"];
    assert_eq!((statistics.count, statistics.failed), (5, 4));
}

#[test]
fn memory_and_handles_are_seen() {
    let (_, operations) = operations();
    let mut operation = operations.begin("fill");
    let block = black_box(vec![7_u8; 64 << 20]);
    let with_block = operation.sample_memory();
    let files: Vec<_> = (0..200)
        .map(|_| std::fs::File::open("/dev/null").unwrap())
        .collect();
    drop(block);
    let account = operation.finish();
    let memory = account.memory;
    assert!(memory.peak.bytes >= with_block, "{memory:?}");
    assert!(
        memory.peak.bytes.0 >= memory.before.0 + (60 << 20),
        "{memory:?}"
    );
    let (before, after) = account.handles.unwrap();
    assert!(after >= before + 100, "{before} then {after}");
    drop(files);
}

#[test]
fn what_stays_in_memory_is_retained_and_what_is_freed_is_not() {
    let (_, operations) = operations();
    const SIZE: usize = 64 << 20;
    let operation = operations.begin("keep");
    let kept = black_box(vec![7_u8; SIZE]);
    let kept_account = operation.finish();
    let operation = operations.begin("free");
    // Through a black box: the optimizer may remove an allocation that is never observed.
    drop(black_box(vec![7_u8; SIZE]));
    let freed = operation.finish();
    let near = |value: i64, wanted: usize| value.abs_diff(wanted as i64) < SIZE as u64 / 4;
    assert!(
        near(kept_account.memory.retained(), SIZE),
        "{kept_account:?}"
    );
    assert!(near(freed.memory.retained(), 0), "{freed:?}");
    assert!(
        freed.memory.peak.bytes.0 >= freed.memory.before.0 + SIZE as u64 / 2,
        "{freed:?}"
    );
    drop(kept);
}

#[test]
fn a_name_for_every_request_is_bounded_and_disclosed() {
    let (_, operations) = operations();
    for number in 0..OperationStatistics::NAMES + 10 {
        drop(operations.begin(format!("request {number}")));
    }
    let statistics = operations.statistics();
    assert_eq!(statistics.names.len(), OperationStatistics::NAMES);
    assert_eq!(statistics.unlisted, 10);
    assert!(statistics.to_string().contains("10 operations"));
}
