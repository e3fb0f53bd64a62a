//! How long does it take to read a million live resources from outside?

use std::hint::black_box;

use backstop_benches::hot_path;
use backstop_benches::tracker::Tracker;
use backstop_core::ledger::LedgerReading;

use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Ratio, in_turn, milliseconds};

pub(crate) const NAME: &str = "read_from_outside";

const LIVE: usize = 1_000_000;

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let rounds = effort.pick(7, 15);
    let tracker = Tracker::start()?;
    let open = hot_path::live(tracker.backstop(), LIVE);
    let path = tracker.ledger();
    let bytes = std::fs::read(&path)?;
    let length = bytes.len();

    let series = in_turn(
        rounds,
        &mut [
            &mut || {
                Ok(milliseconds(|| {
                    let count = hot_path::read_ledger(&tracker.ledger())?;
                    assert_eq!(count, open.len());
                    Ok::<_, backstop_core::error::Error>(())
                })?)
            },
            &mut || {
                Ok(milliseconds(|| {
                    std::fs::read(&path).map(|bytes| drop(black_box(bytes)))
                })?)
            },
            &mut || {
                milliseconds(|| {
                    drop(black_box(bytes.clone()));
                    Ok(())
                })
            },
            &mut || {
                Ok(milliseconds(|| {
                    LedgerReading::of_path(&path).map(|reading| drop(black_box(reading.entries())))
                })?)
            },
        ],
    )?;
    drop(open);
    let unit = "ms";
    Ok(vec![
        Answer::new(NAME, Figure::ours("backstop, every slot", &series[0], unit))
            .peer(Figure::of(
                "read of the same bytes",
                "std",
                &series[1],
                unit,
            ))
            .peer(Figure::of(
                "copy of the same bytes in memory",
                "std",
                &series[2],
                unit,
            ))
            .peer(Figure::ours(
                "backstop, every slot with its texts copied",
                &series[3],
                unit,
            ))
            .against("read of the same bytes", Ratio::of(&series[0], &series[1]))
            .goal(Goal::AtMost(1.1))
            .note(format!(
                "{LIVE} resources in {:.0} MB of ledger",
                length as f64 / 1e6
            )),
    ])
}
