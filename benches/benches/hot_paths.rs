//! The hot paths by criterion, for a look at one of them: `cargo bench -p backstop-benches`. The figures
//! that are published come from `cargo xtask bench`, where the peers run in turn with them.

use std::hint::black_box;

use backstop_benches::hot_path::{self, Flag};
use backstop_benches::tracker::Tracker;
use criterion::{Criterion, criterion_group, criterion_main};
use dashmap::DashMap;

fn hot_paths(criterion: &mut Criterion) {
    let tracker = Tracker::start().expect("there is a place for a ledger");
    let backstop = tracker.backstop();

    let mut track = criterion.benchmark_group("track_and_release");
    track.bench_function("backstop", |bencher| {
        bencher.iter(|| backstop.track(black_box(Flag::up())));
    });
    let map = DashMap::new();
    track.bench_function("dashmap", |bencher| {
        let mut key = 0_u64;
        bencher.iter(|| {
            key += 1;
            map.insert(key, black_box(Flag::up()));
            map.remove(&key)
        });
    });
    track.finish();

    let pool = hot_path::pool_of_one(backstop).expect("opening a flag does not fail");
    criterion.bench_function("pool_checkout", |bencher| {
        bencher.iter(|| pool.get_or_open(0, |_| Ok(backstop.track(Flag::up()))));
    });
    drop(pool.clear());

    criterion.bench_function("scope_of_three", |bencher| {
        bencher.iter(|| {
            let mut scope = backstop.scope("bench");
            for _ in 0..3 {
                scope.hold(backstop.track(Flag::up()));
            }
            scope.finish()
        });
    });

    let open = hot_path::live(backstop, 10_000);
    criterion.bench_function("read_10000_slots", |bencher| {
        bencher.iter(|| hot_path::read_ledger(&tracker.ledger()));
    });
    drop(open);
}

criterion_group!(benches, hot_paths);
criterion_main!(benches);
