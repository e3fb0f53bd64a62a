//! What does it cost to sample this process: memory, open files, threads?

use std::hint::black_box;

use anyhow::Context;
use backstop_core::monitor::OwnSampler;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Ratio, in_turn, nanoseconds_each};
use crate::peer;
use crate::psutil::Psutil;

pub(crate) const NAME: &str = "sample_self";

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let rounds = effort.pick(9, 25);
    let times = effort.pick(2_000, 10_000);
    let mut ours = OwnSampler::new()?;
    let mut whole = OwnSampler::new()?;
    let mut system = System::new()?;
    let own = Pid::from_u32(std::process::id());
    let psutil = Psutil::find();

    // Without threads, which would make it more expensive.
    let kind = ProcessRefreshKind::nothing().without_tasks().with_memory();
    let mut by_ours = || {
        Ok(nanoseconds_each(times, |times| {
            for _ in 0..times {
                black_box(ours.quick());
            }
        }))
    };
    let mut by_sysinfo = || {
        Ok(nanoseconds_each(times, |times| {
            for _ in 0..times {
                system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), true, kind);
                let process = system.process(own);
                black_box(process.map(|process| (process.memory(), process.open_files())));
            }
        }))
    };
    let mut by_procfs = || {
        let look = || -> procfs::ProcResult<_> {
            let process = procfs::process::Process::myself()?;
            let stat = process.stat()?;
            Ok((stat.rss, stat.num_threads, process.fd_count()?))
        };
        look().context("procfs")?;
        Ok(nanoseconds_each(times, |times| {
            for _ in 0..times {
                drop(black_box(look()));
            }
        }))
    };
    let mut by_whole = || {
        Ok(nanoseconds_each(times, |times| {
            for _ in 0..times {
                black_box(whole.sample());
            }
        }))
    };
    let mut by_psutil = || match &psutil {
        Some(psutil) => psutil.time(
            "own = psutil.Process()",
            "own.memory_info().rss, own.num_fds(), own.num_threads()",
            times / 4,
        ),
        None => Ok(0.0),
    };
    let series = in_turn(
        rounds,
        &mut [
            &mut by_ours,
            &mut by_sysinfo,
            &mut by_procfs,
            &mut by_whole,
            &mut by_psutil,
        ],
    )?;
    let unit = "ns";
    let library = |name, index: usize| Figure::of(name, peer::library(name), &series[index], unit);
    let answer = Answer::new(NAME, Figure::ours("backstop", &series[0], unit))
        .peer(library("sysinfo", 1))
        .peer(library("procfs", 2))
        .peer(Figure::ours(
            "backstop, with expensive readings in their CPU-time budget",
            &series[3],
            unit,
        ))
        .peer(match &psutil {
            Some(psutil) => Figure::of("psutil", &psutil.version, &series[4], unit),
            None => Figure::missing("psutil", unit),
        })
        .against("sysinfo", Ratio::of(&series[0], &series[1]))
        .goal(Goal::AtMost(0.08))
        .note("backstop also reads the peak, the limit of open files and the CPU time; sysinfo reads no threads");
    Ok(vec![answer])
}
