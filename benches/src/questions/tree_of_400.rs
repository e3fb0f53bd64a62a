//! How long does it take until a tree of 400 sessions is gone and reaped?

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use backstop_benches::tracker::Tracker;
use backstop_core::release::Backstop;
use backstop_core::resource::Rung;
use backstop_os::adopt::Adopt;
use backstop_os::before_exec::BeforeExec;
use backstop_os::cgroup::Cgroup;
use backstop_os::process_table;
use backstop_os::subreaper::set_subreaper;
use backstop_process::config::child_policy;
use backstop_process::{ChildProcess, Containment};
use rustix::process::WaitOptions;

use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Ratio, Series, milliseconds, rounds_of};
use crate::role;

pub(crate) const NAME: &str = "tree_of_400";

/// As many as asked for, each in a session of its own.
const SCRIPT: &str = "i=0; while [ $i -lt $0 ]; do setsid sleep 600 & i=$((i+1)); done; wait";

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let series = at(400, effort.pick(5, 15))?;
    let unit = "ms";
    Ok(vec![
        Answer::new(
            NAME,
            Figure::ours("backstop, in a cgroup", &series[0], unit),
        )
        .peer(Figure::of(
            "cgroup.kill and wait",
            "this kernel",
            &series[1],
            unit,
        ))
        .peer(Figure::ours("backstop, walking the tree", &series[2], unit))
        .against("cgroup.kill and wait", Ratio::of(&series[0], &series[1]))
        .goal(Goal::AtMost(1.2)),
    ])
}

/// Ours, the kernel's own way, and ours without a cgroup, for a tree of `count` processes. In a process
/// of its own: it adopts and reaps every orphan of it.
pub(crate) fn at(count: usize, rounds: usize) -> anyhow::Result<Vec<Series>> {
    let arguments = [count.to_string(), rounds.to_string()];
    let mut helper = role::command("tree", &arguments)?;
    let output = helper.stderr(Stdio::inherit()).output()?;
    ensure!(
        output.status.success(),
        "the helper failed: {}",
        output.status
    );
    let series: Vec<Vec<f64>> = serde_json::from_slice(&output.stdout)?;
    Ok(series.into_iter().map(Series).collect())
}

/// The helper's part: prints the series.
pub(crate) fn play(count: usize, rounds: usize) -> anyhow::Result<String> {
    set_subreaper(Adopt::Orphans)?;
    let tracker = Tracker::start()?;
    let backstop = tracker.backstop();
    let series = rounds_of(
        rounds,
        &mut [
            &mut || ours(&backstop, count, Containment::Cgroup),
            &mut || raw(count),
            &mut || ours(&backstop, count, Containment::Walk),
        ],
    )?;
    let series: Vec<&Vec<f64>> = series.iter().map(|series| &series.0).collect();
    Ok(serde_json::to_string(&series)?)
}

fn ours(backstop: &Backstop, count: usize, containment: Containment) -> anyhow::Result<f64> {
    // As long as it takes: how long that is, is the question.
    let policy = child_policy().with_deadline(Rung::Force, Duration::from_secs(120));
    let child = ChildProcess::builder(command(count))
        .policy(policy)
        .at_most(containment)
        .spawn_on(backstop)?;
    ensure!(
        child.containment() == containment,
        "{containment} is not available here"
    );
    await_all(child.pid() as i32, count)?;
    milliseconds(|| {
        let release = child.force();
        ensure!(release.outcome.is_released(), "{release}");
        Ok(())
    })
}

fn raw(count: usize) -> anyhow::Result<f64> {
    let group = Cgroup::create(&format!("backstop-bench-{}", std::process::id()))?;
    let mut command = command(count);
    BeforeExec::new()
        .enter(std::sync::Arc::new(group.entrance()?))
        .apply(&mut command);
    let leader = command.spawn()?;
    await_all(leader.id() as i32, count)?;
    let took = milliseconds(|| {
        group.kill()?;
        // A subreaper gets all of them, and has no others.
        while rustix::process::wait(WaitOptions::empty()).is_ok() {}
        while group.is_populated()? {}
        group.remove()
    })?;
    Ok(took)
}

fn command(count: usize) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", SCRIPT, &count.to_string()])
        .stdin(Stdio::null());
    command
}

/// Waits until all of them sleep: what still starts is not the tree that was asked for.
fn await_all(leader: i32, count: usize) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let asleep = |pid: &i32| {
            std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name == b"sleep\n")
        };
        let children = process_table::children(leader).context("the leader has ended")?;
        if children.iter().filter(|pid| asleep(pid)).count() == count {
            return Ok(());
        }
        ensure!(
            Instant::now() < end,
            "only {} of {count} were started",
            children.len()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
