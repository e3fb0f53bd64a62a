//! What does it cost to sample all processes, and to monitor many of them permanently?

use std::hint::black_box;
use std::time::Duration;

use anyhow::Context;
use backstop_core::monitor::{Moment, Monitor, TableSampler};
use backstop_os::clock;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Ratio, in_turn, nanoseconds_each, rounds_of};
use crate::peer;
use crate::psutil::Psutil;
use crate::sleepers::Sleepers;

pub(crate) const NAME: &str = "sample_all";

/// Processes that are watched.
const MANY: usize = 500;

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let sleepers = Sleepers::start(MANY)?;
    let answers = vec![once(effort)?, at_one_hertz(effort)?];
    drop(sleepers);
    Ok(answers)
}

fn once(effort: Effort) -> anyhow::Result<Answer> {
    let rounds = effort.pick(9, 25);
    let times = effort.pick(5, 20);
    let mut ours = TableSampler::new()?;
    let count = ours.sample()?.len();
    let mut system = System::new()?;
    let psutil = Psutil::find();

    // Memory only, the cheapest useful refresh.
    let kind = ProcessRefreshKind::nothing().without_tasks().with_memory();
    let milliseconds = |times: u64, act: &mut dyn FnMut()| {
        let each = nanoseconds_each(times, |times| (0..times).for_each(|_| act()));
        Ok(each / 1e6)
    };
    let mut by_ours = || {
        milliseconds(times, &mut || {
            black_box(ours.sample().map(<[_]>::len).ok());
        })
    };
    let mut by_sysinfo = || {
        milliseconds(times, &mut || {
            system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
            black_box(system.processes().len());
        })
    };
    let mut by_procfs = || {
        let look = || -> procfs::ProcResult<u64> {
            let all = procfs::process::all_processes()?.flatten();
            Ok(all
                .filter_map(|one| one.stat().ok())
                .map(|stat| stat.rss)
                .sum())
        };
        look().context("procfs")?;
        milliseconds(times, &mut || drop(black_box(look())))
    };
    let mut by_psutil = || match &psutil {
        Some(psutil) => {
            let look = "[p.info for p in psutil.process_iter(['memory_info', 'num_threads', 'cpu_times'])]";
            Ok(psutil.time("", look, times)? / 1e6)
        }
        None => Ok(0.0),
    };
    let series = in_turn(
        rounds,
        &mut [
            &mut by_ours,
            &mut by_sysinfo,
            &mut by_procfs,
            &mut by_psutil,
        ],
    )?;
    let unit = "ms";
    let library = |name, index: usize| Figure::of(name, peer::library(name), &series[index], unit);
    Ok(Answer::new(NAME, Figure::ours("backstop", &series[0], unit))
        .peer(library("sysinfo", 1))
        .peer(library("procfs", 2))
        .peer(match &psutil {
            Some(psutil) => Figure::of("psutil", &psutil.version, &series[3], unit),
            None => Figure::missing("psutil", unit),
        })
        .against("sysinfo", Ratio::of(&series[0], &series[1]))
        .goal(Goal::AtMost(0.25))
        .note(format!("{count} processes; backstop also reads threads, parents and times, sysinfo only memory")))
}

/// A watch over a tree of many, at a sample a second that is played: what it takes of a processor, beside
/// a refresh of the same processes by sysinfo as often.
fn at_one_hertz(effort: Effort) -> anyhow::Result<Answer> {
    let rounds = effort.pick(5, 15);
    let samples = effort.pick(20, 60);
    let own = i32::try_from(std::process::id())?;
    let mut seen = 0;
    let mut by_ours = || {
        let mut watch = Monitor::builder()
            .tree(own)
            .interval(Duration::from_secs(1))
            .build()?;
        let start = Moment::now();
        for second in 0..samples {
            let observation = watch.observe(start.later(Duration::from_secs(second)));
            seen = observation
                .context("the tree is gone")?
                .sample
                .process
                .processes;
        }
        Ok(watch.cost().cpu.as_secs_f64() / samples as f64 * 100.0)
    };
    let mut system = System::new()?;
    // The measures of a tree's every sample.
    let kind = ProcessRefreshKind::nothing()
        .without_tasks()
        .with_memory()
        .with_cpu();
    let mut by_sysinfo = || {
        let start = clock::thread_time();
        for _ in 0..samples {
            system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
            black_box(system.processes().len());
        }
        let took = clock::thread_time() - start;
        Ok(took.as_secs_f64() / samples as f64 * 100.0)
    };
    let series = rounds_of(rounds, &mut [&mut by_ours, &mut by_sysinfo])?;
    let unit = "% of a processor";
    Ok(
        Answer::new(NAME, Figure::ours("backstop", &series[0], unit))
            .aspect("a tree monitored at 1 Hz, with findings, open files and shares of memory")
            .peer(Figure::of(
                "sysinfo, a refresh of memory and CPU time only",
                peer::library("sysinfo"),
                &series[1],
                unit,
            ))
            .against("sysinfo", Ratio::of(&series[0], &series[1]))
            .goal(Goal::AtMost(0.5))
            .note(format!("{seen} processes in the tree")),
    )
}
