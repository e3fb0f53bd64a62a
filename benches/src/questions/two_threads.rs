//! Do two threads track twice as much as one?

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use backstop_benches::hot_path;
use backstop_benches::tracker::Tracker;
use dashmap::DashMap;

use super::track_and_release::insert_and_remove;
use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Ratio, Series, in_turn};
use crate::peer;

pub(crate) const NAME: &str = "two_threads";

/// How many are done between two readings of the clock.
const BATCH: u64 = 256;

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let rounds = effort.pick(7, 25);
    let span = Duration::from_millis(effort.pick(100, 400));
    let tracker = Tracker::start()?;
    let backstop = tracker.backstop();
    let map = DashMap::new();
    let ours = |_| hot_path::track_and_release(backstop, BATCH);
    let dashmap = |thread: u64| insert_and_remove(&map, thread << 32, BATCH);
    let series = in_turn(
        rounds,
        &mut [
            &mut || Ok(rate(1, span, ours)),
            &mut || Ok(rate(2, span, ours)),
            &mut || Ok(rate(1, span, dashmap)),
            &mut || Ok(rate(2, span, dashmap)),
        ],
    )?;
    let unit = "million/s";
    let scaling = |one: usize, two: usize| Ratio::of(&series[two], &series[one]);
    let theirs = scaling(2, 3);
    Ok(vec![
        Answer::new(NAME, Figure::ours("backstop, 2 threads", &series[1], unit))
            .peer(Figure::ours("backstop, 1 thread", &series[0], unit))
            .peer(Figure::of(
                "dashmap, 1 thread",
                peer::library("dashmap"),
                &series[2],
                unit,
            ))
            .peer(Figure::of(
                "dashmap, 2 threads",
                peer::library("dashmap"),
                &series[3],
                unit,
            ))
            .against("1 thread", scaling(0, 1))
            .goal(Goal::AtLeast(1.9))
            .note(format!(
                "dashmap, 2 threads over 1: {:.2} ({:.2}–{:.2})",
                theirs.median, theirs.min, theirs.max
            )),
    ])
}

/// How many millions this many threads do in a second, together.
pub(crate) fn rate(threads: u64, span: Duration, batch: impl Fn(u64) + Sync) -> f64 {
    let done = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let ready = Barrier::new(threads as usize + 1);
    let took = thread::scope(|scope| {
        for thread in 0..threads {
            let (done, stop, ready, batch) = (&done, &stop, &ready, &batch);
            scope.spawn(move || {
                // A thread's one-time setup does not count towards the rate.
                batch(thread);
                ready.wait();
                let mut own = 0;
                while !stop.load(Ordering::Relaxed) {
                    batch(thread);
                    own += BATCH;
                }
                done.fetch_add(own, Ordering::Relaxed);
            });
        }
        ready.wait();
        let start = Instant::now();
        thread::sleep(span);
        stop.store(true, Ordering::Relaxed);
        start.elapsed()
    });
    done.into_inner() as f64 / took.as_secs_f64() / 1e6
}

/// The rates of ours and of dashmap with this many threads, for the curve.
pub(crate) fn at(tracker: &Tracker, threads: u64, rounds: usize) -> anyhow::Result<Vec<Series>> {
    let map = DashMap::new();
    let span = Duration::from_millis(100);
    let backstop = tracker.backstop();
    in_turn(
        rounds,
        &mut [
            &mut || {
                Ok(rate(threads, span, |_| {
                    hot_path::track_and_release(backstop, BATCH);
                }))
            },
            &mut || {
                Ok(rate(threads, span, |thread| {
                    insert_and_remove(&map, thread << 32, BATCH);
                }))
            },
        ],
    )
}
