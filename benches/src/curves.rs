//! How figures grow with what there is: four curves, as pictures.

mod plot;

use std::path::Path;

use anyhow::ensure;
use backstop_benches::hot_path;
use backstop_benches::tracker::Tracker;
use serde::Serialize;

use crate::measure::nanoseconds_each;
use crate::questions::{orphan_sweep, tree_of_400, two_threads};
use plot::{Legend, Line, Plot, Scale};

/// One curve's points, as they are printed.
#[derive(Serialize)]
struct Curve<'a> {
    curve: &'a str,
    x: &'a str,
    y: &'a str,
    lines: &'a [Line],
}

/// Measures all curves up to `most`, draws them into `directory`, and returns their points as lines of JSON.
pub(crate) fn draw(directory: &Path, most: usize) -> anyhow::Result<Vec<String>> {
    ensure!(
        directory.is_dir(),
        "{} is not a directory",
        directory.display()
    );
    let mut said = Vec::new();
    for (name, measure) in [
        (
            "live-resources",
            live_resources as fn(usize) -> anyhow::Result<Plot>,
        ),
        ("threads", threads),
        ("processes", processes),
        ("orphans", orphans),
    ] {
        let plot = measure(most)?;
        plot.draw(&directory.join(format!("curve-{name}.svg")))?;
        said.push(serde_json::to_string(&Curve {
            curve: name,
            x: plot.x,
            y: plot.y,
            lines: &plot.lines,
        })?);
    }
    Ok(said)
}

fn powers_of_ten(from: u32, to: u32, most: usize) -> impl Iterator<Item = usize> {
    (from..=to)
        .map(|power| 10_usize.pow(power))
        .filter(move |count| *count <= most)
}

/// The cost of one more resource while this many are open, and the ledger's size for each.
fn live_resources(most: usize) -> anyhow::Result<Plot> {
    let tracker = Tracker::start()?;
    let backstop = tracker.backstop();
    let mut open = Vec::new();
    let (mut cost, mut bytes) = (Vec::new(), Vec::new());
    for count in powers_of_ten(0, 7, most) {
        open.extend(hot_path::live(backstop, count - open.len()));
        let rounds = (0..5).map(|_| {
            nanoseconds_each(200_000, |times| {
                hot_path::track_and_release(backstop, times);
            })
        });
        cost.push((count as f64, rounds.fold(f64::INFINITY, f64::min)));
        let length = std::fs::metadata(tracker.ledger())?.len();
        bytes.push((count as f64, length as f64 / count as f64));
    }
    Ok(Plot {
        title: "Tracking with more and more resources open",
        x: "live resources",
        y: "nanoseconds, or bytes",
        scale: Scale::Log,
        legend: Legend::Right,
        lines: vec![
            Line::new("track + release of one more, ns", cost),
            Line::new("ledger file, bytes per resource", bytes),
        ],
    })
}

/// How many are tracked and released in a second by more and more threads.
fn threads(most: usize) -> anyhow::Result<Plot> {
    let tracker = Tracker::start()?;
    let (mut ours, mut dashmap) = (Vec::new(), Vec::new());
    for count in [1, 2, 3, 4, 6, 8, 12, 16]
        .into_iter()
        .filter(|count| *count <= most)
    {
        let series = two_threads::at(&tracker, count as u64, 5)?;
        ours.push((count as f64, series[0].median()));
        dashmap.push((count as f64, series[1].median()));
    }
    let cores = std::thread::available_parallelism()?;
    Ok(Plot {
        title: if cores.get() == 2 {
            "Tracking by more and more threads, on 2 cores"
        } else {
            "Tracking by more and more threads"
        },
        x: "threads",
        y: "million per second, all threads together",
        scale: Scale::Linear,
        legend: Legend::Right,
        lines: vec![
            Line::new("backstop track + release", ours),
            Line::new("dashmap insert + remove", dashmap),
        ],
    })
}

/// How long trees of more and more sessions take to be gone.
fn processes(most: usize) -> anyhow::Result<Plot> {
    let (mut group, mut kernel, mut walk) = (Vec::new(), Vec::new(), Vec::new());
    for count in [1, 10, 100, 400, 1000, 4000]
        .into_iter()
        .filter(|count| *count <= most)
    {
        let series = tree_of_400::at(count, 3)?;
        group.push((count as f64, series[0].median()));
        kernel.push((count as f64, series[1].median()));
        walk.push((count as f64, series[2].median()));
    }
    Ok(Plot {
        title: "Until a tree of sessions is gone and reaped",
        x: "processes",
        y: "milliseconds",
        scale: Scale::Log,
        legend: Legend::Left,
        lines: vec![
            Line::new("backstop, cgroup", group),
            Line::new("cgroup.kill and wait", kernel),
            Line::new("backstop, walking the tree", walk),
        ],
    })
}

/// How long more and more orphans take to be swept.
fn orphans(most: usize) -> anyhow::Result<Plot> {
    let (mut ours, mut find) = (Vec::new(), Vec::new());
    for count in powers_of_ten(1, 6, most) {
        let rounds = if count < 1_000_000 { 3 } else { 1 };
        let series = orphan_sweep::at(count, rounds)?;
        ours.push((count as f64, series[0].median()));
        find.push((count as f64, series[1].median()));
    }
    Ok(Plot {
        title: "A sweep of orphans, in memory",
        x: "orphans",
        y: "milliseconds",
        scale: Scale::Log,
        legend: Legend::Left,
        lines: vec![
            Line::new("backstop, each proven and removed", ours),
            Line::new("find -delete", find),
        ],
    })
}
