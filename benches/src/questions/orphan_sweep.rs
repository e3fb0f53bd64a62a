//! How long does it take to remove a directory full of orphans?

use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use backstop_benches::place;
use backstop_tempfs::orphans::{OrphanRule, SweepMode};

use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Ratio, Series, milliseconds, rounds_of};
use crate::peer::{self, Program};

pub(crate) const NAME: &str = "orphan_sweep";

const PREFIX: &str = "orphan-";
const PEERS: [&str; 3] = ["find", "systemd-tmpfiles", "tmpreaper"];

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let in_memory = ask_at(&place::in_memory(), effort.pick(100_000, 1_000_000))?;
    let mut answers = vec![in_memory.goal(Goal::AtMost(0.8))];
    if effort == Effort::Full {
        // Fewer, and without a goal: what a disk's journal takes is everybody's.
        let on_disk = ask_at(&std::env::temp_dir(), 100_000)?;
        answers.push(on_disk.aspect("where TMPDIR is"));
    }
    Ok(answers)
}

fn ask_at(base: &Path, count: usize) -> anyhow::Result<Answer> {
    let stage = Stage::new(base)?;
    let installed: Vec<Program> = PEERS.into_iter().filter_map(peer::program).collect();
    ensure!(!installed.is_empty(), "no peer is installed");

    let mut ours = || stage.time(count, || sweep(&stage.full()));
    let mut theirs: Vec<_> = installed
        .iter()
        .map(|program| || stage.time(count, || stage.run(program)))
        .collect();
    let mut contenders: Vec<&mut dyn FnMut() -> anyhow::Result<f64>> = vec![&mut ours];
    for peer in &mut theirs {
        contenders.push(peer);
    }
    let series = rounds_of(5, &mut contenders)?;

    let unit = "ms";
    let best = (1..series.len())
        .min_by(|left, right| series[*left].median().total_cmp(&series[*right].median()))
        .context("there is a peer")?;
    let missing = PEERS
        .iter()
        .filter(|name| installed.iter().all(|program| program.name != **name));
    let figures = installed
        .iter()
        .zip(&series[1..])
        .map(|(program, series)| Figure::of(title(program.name), &program.version, series, unit));
    let ours = Figure::ours("backstop, each proven and removed", &series[0], unit);
    Ok(Answer::new(NAME, ours)
        .peers(figures)
        .peers(missing.map(|name| Figure::missing(*name, unit)))
        .against(
            installed[best - 1].name,
            Ratio::of(&series[0], &series[best]),
        )
        .note(format!("{count} empty files in {}", base.display())))
}

/// Ours and find, for this many orphans in memory, for the curve.
pub(crate) fn at(count: usize, rounds: usize) -> anyhow::Result<Vec<Series>> {
    let stage = Stage::new(&place::in_memory())?;
    let find = peer::program("find").context("find is not installed")?;
    rounds_of(
        rounds,
        &mut [
            &mut || stage.time(count, || sweep(&stage.full())),
            &mut || stage.time(count, || stage.run(&find)),
        ],
    )
}

fn title(program: &str) -> String {
    match program {
        "find" => "find -delete".to_owned(),
        other => other.to_owned(),
    }
}

/// Sweeps a directory by the rule; all of it must go.
fn sweep(directory: &Path) -> anyhow::Result<()> {
    // The birth of a file cannot be set back as its other times can: the clock of the rule is set
    // forward instead.
    let tomorrow = SystemTime::now() + Duration::from_secs(2 * 24 * 3600);
    let rule = OrphanRule::new(directory, PREFIX)?.at(tomorrow);
    let report = rule.sweep(SweepMode::Act)?;
    ensure!(report.count == report.entries.len() as u64, "some stayed");
    Ok(())
}

/// A directory that is refilled before each sweep.
struct Stage(tempfile::TempDir);

impl Stage {
    fn new(base: &Path) -> anyhow::Result<Self> {
        let mut builder = tempfile::Builder::new();
        Ok(Self(builder.prefix("backstop-bench-").tempdir_in(base)?))
    }

    fn full(&self) -> PathBuf {
        self.0.path().join("full")
    }

    /// Fills the directory, and returns how long `act` takes to empty it, in milliseconds.
    fn time(&self, count: usize, act: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
        let full = self.full();
        std::fs::create_dir(&full)?;
        let old = FileTimes::new().set_modified(SystemTime::now() - Duration::from_secs(48 * 3600));
        for number in 0..count {
            File::create(full.join(format!("{PREFIX}{number:07}")))?.set_times(old)?;
        }
        let took = milliseconds(act)?;
        let left = std::fs::read_dir(&full)?.count();
        std::fs::remove_dir_all(&full)?;
        // Ours leaves its own quarantine, which is empty.
        ensure!(left <= 1, "{left} of {count} files are left");
        Ok(took)
    }

    fn run(&self, program: &Program) -> anyhow::Result<()> {
        let mut command = Command::new(&program.path);
        let full = self.full();
        match program.name {
            "find" => command.arg(&full).args([
                "-mindepth",
                "1",
                "-name",
                "orphan-*",
                "-mmin",
                "+60",
                "-delete",
            ]),
            "systemd-tmpfiles" => {
                let rules = self.0.path().join("rules.conf");
                // By the time of modification alone: the other times cannot be set back.
                std::fs::write(&rules, format!("e {} - - - m:1h\n", full.display()))?;
                command.arg("--clean").arg(rules)
            }
            _ => command.args(["--mtime", "--runtime=0", "1h"]).arg(&full),
        };
        let output = command.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {said}", program.name);
        Ok(())
    }
}
