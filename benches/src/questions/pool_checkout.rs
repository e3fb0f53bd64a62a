//! What does it cost to check a resource out of a pool and return it?

use std::convert::Infallible;
use std::hint::black_box;

use backstop_benches::hot_path::{self, Flag};
use backstop_benches::tracker::Tracker;
use deadpool::managed::{Metrics, RecycleResult};

use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Ratio, in_turn, nanoseconds_each};
use crate::peer;

pub(crate) const NAME: &str = "pool_checkout";

/// Opens flags, for each of the peers; nothing is tested that a pool need not test.
struct Flags;

impl r2d2::ManageConnection for Flags {
    type Connection = Flag;
    type Error = Infallible;

    fn connect(&self) -> Result<Flag, Infallible> {
        Ok(Flag::up())
    }

    fn is_valid(&self, _: &mut Flag) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Flag) -> bool {
        false
    }
}

impl bb8::ManageConnection for Flags {
    type Connection = Flag;
    type Error = Infallible;

    async fn connect(&self) -> Result<Flag, Infallible> {
        Ok(Flag::up())
    }

    async fn is_valid(&self, _: &mut Flag) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Flag) -> bool {
        false
    }
}

impl deadpool::managed::Manager for Flags {
    type Type = Flag;
    type Error = Infallible;

    async fn create(&self) -> Result<Flag, Infallible> {
        Ok(Flag::up())
    }

    async fn recycle(&self, _: &mut Flag, _: &Metrics) -> RecycleResult<Infallible> {
        Ok(())
    }
}

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let rounds = effort.pick(9, 25);
    let times = effort.pick(100_000, 500_000);
    let tracker = Tracker::start()?;
    let backstop = tracker.backstop();
    let ours = hot_path::pool_of_one(backstop)?;
    let r2d2 = r2d2::Pool::builder()
        .max_size(8)
        .min_idle(Some(1))
        .test_on_check_out(false)
        .build(Flags)?;
    let deadpool = deadpool::managed::Pool::<Flags>::builder(Flags)
        .max_size(8)
        .build()?;
    // One runtime for the whole run: starting it does not count as part of a checkout.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let bb8 = runtime.block_on(
        bb8::Pool::builder()
            .max_size(8)
            .test_on_check_out(false)
            .build(Flags),
    )?;

    let series = in_turn(
        rounds,
        &mut [
            &mut || {
                Ok(nanoseconds_each(times, |times| {
                    for _ in 0..times {
                        let flag = ours.get_or_open(0, |_| Ok(backstop.track(Flag::up())));
                        drop(black_box(flag));
                    }
                }))
            },
            &mut || {
                Ok(nanoseconds_each(times, |times| {
                    for _ in 0..times {
                        drop(black_box(r2d2.get()));
                    }
                }))
            },
            &mut || {
                Ok(nanoseconds_each(times, |times| {
                    runtime.block_on(async {
                        for _ in 0..times {
                            drop(black_box(deadpool.get().await));
                        }
                    });
                }))
            },
            &mut || {
                Ok(nanoseconds_each(times, |times| {
                    runtime.block_on(async {
                        for _ in 0..times {
                            drop(black_box(bb8.get().await));
                        }
                    });
                }))
            },
        ],
    )?;
    drop(ours.clear());

    let unit = "ns";
    let names = ["r2d2", "deadpool", "bb8"];
    let best = (0..names.len())
        .min_by(|left, right| {
            series[left + 1]
                .median()
                .total_cmp(&series[right + 1].median())
        })
        .unwrap_or(0);
    let figures = names
        .iter()
        .zip(&series[1..])
        .map(|(name, series)| Figure::of(*name, peer::library(name), series, unit));
    Ok(vec![
        Answer::new(NAME, Figure::ours("backstop", &series[0], unit))
            .peers(figures)
            .against(names[best], Ratio::of(&series[0], &series[best + 1]))
            .goal(Goal::AtMost(0.35)),
    ])
}
