//! What does `backstop run -- true` cost, in time and memory?

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use backstop_benches::place;
use backstop_os::process_table;

use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Ratio, Series, in_turn};
use crate::peer::{self, Program};

pub(crate) const NAME: &str = "run_true";

/// How many of the contenders are ours.
const OURS: usize = 3;

/// The command as `cargo build --release` builds it.
const PLAIN: &str = "backstop, plain release build";

/// Each with its arguments before the command.
const PEERS: [(&str, &[&str]); 4] = [
    ("tini", &["-s", "--"]),
    ("dumb-init", &["--"]),
    ("catatonit", &["--"]),
    ("timeout", &["60"]),
];

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let (rounds, times) = effort.pick((11, 20), (25, 40));
    let shipped = Backstop::shipped()?;
    let plain = Backstop::find()?;
    let installed: Vec<(Program, &[&str])> = PEERS
        .into_iter()
        .filter_map(|(name, before)| Some((peer::program(name)?, before)))
        .collect();
    let tini = installed
        .iter()
        .position(|(program, _)| program.name == "tini");

    let mut ours = || time(times, || shipped.run(&["true"]));
    let mut in_memory = || {
        time(times, || {
            let mut command = shipped.run(&["true"]);
            command.env("TMPDIR", shipped.place.path());
            command
        })
    };
    let mut ours_plain = || time(times, || plain.run(&["true"]));
    let mut theirs: Vec<_> = installed
        .iter()
        .map(|(program, before)| {
            move || {
                time(times, || {
                    let mut command = Command::new(&program.path);
                    command.args(*before).arg("true").stderr(Stdio::null());
                    command
                })
            }
        })
        .collect();
    let mut contenders: Vec<&mut dyn FnMut() -> anyhow::Result<f64>> =
        vec![&mut ours, &mut in_memory, &mut ours_plain];
    for peer in &mut theirs {
        contenders.push(peer);
    }
    let series = in_turn(rounds, &mut contenders)?;

    let unit = "ms";
    let figures = installed
        .iter()
        .zip(&series[OURS..])
        .map(|((program, _), series)| Figure::of(program.name, &program.version, series, unit));
    let missing = PEERS
        .iter()
        .filter(|(name, _)| installed.iter().all(|(program, _)| program.name != *name))
        .map(|(name, _)| Figure::missing(*name, unit));
    // Measured also without it: the answer is then reported as missed.
    let against_tini = |answer: Answer, ours: usize| match tini {
        Some(tini) => answer.against("tini", Ratio::of(&series[ours], &series[tini + OURS])),
        None => answer,
    };
    let time = Answer::new(
        NAME,
        Figure::ours("backstop run -q -- true, as shipped", &series[0], unit),
    )
    .peer(Figure::ours(PLAIN, &series[2], unit))
    .peers(figures)
    .peers(missing);
    let time = against_tini(time, 0).goal(Goal::AtMost(2.0));
    let fast = Figure::ours(
        "backstop run -q -- true, as shipped, TMPDIR in memory",
        &series[1],
        unit,
    );
    let in_memory = Answer::new(NAME, fast)
        .aspect("TMPDIR in memory")
        .peers(tini.is_none().then(|| Figure::missing("tini", unit)));
    let in_memory = against_tini(in_memory, 1).goal(Goal::AtMost(2.0));
    Ok(vec![
        time,
        in_memory,
        memory(&shipped, &plain, tini.map(|tini| &installed[tini].0))?,
    ])
}

/// How long one run takes, in milliseconds, averaged over `times`.
fn time(times: u32, command: impl Fn() -> Command) -> anyhow::Result<f64> {
    let start = Instant::now();
    for _ in 0..times {
        let status = command().stdin(Stdio::null()).status()?;
        ensure!(status.success(), "it failed: {status}");
    }
    Ok(start.elapsed().as_secs_f64() * 1e3 / f64::from(times))
}

fn memory(shipped: &Backstop, plain: &Backstop, tini: Option<&Program>) -> anyhow::Result<Answer> {
    let (mut ours, mut ours_plain, mut theirs) =
        (Series::default(), Series::default(), Series::default());
    let (mut share, mut largest) = (Series::default(), Series::default());
    for _ in 0..5 {
        let both = Memory::of(&mut shipped.run(&["sleep", "0.3"]), 2)?;
        ours.0.push(Memory::peaks(&both));
        share.0.push(both.iter().map(|one| one.share).sum());
        let peaks = both.iter().map(|one| one.peak);
        largest.0.push(peaks.fold(0.0, f64::max));
        let both = Memory::of(&mut plain.run(&["sleep", "0.3"]), 2)?;
        ours_plain.0.push(Memory::peaks(&both));
        if let Some(tini) = tini {
            let mut tini = Command::new(&tini.path);
            let one = Memory::of(tini.args(["-s", "--", "sleep", "0.3"]), 1)?;
            theirs.0.push(Memory::peaks(&one));
        }
    }
    let unit = "MB";
    let name = "backstop run, as shipped, peak RSS of both processes added";
    Ok(Answer::new(NAME, Figure::ours(name, &ours, unit))
        .aspect("memory")
        .peer(Figure::ours(PLAIN, &ours_plain, unit))
        .peer(match tini {
            Some(tini) => Figure::of("tini, peak RSS", &tini.version, &theirs, unit),
            None => Figure::missing("tini", unit),
        })
        .absolute_goal(Goal::AtMost(6.0))
        .note(format!(
            "the larger of the two uses {:.1} MB; with shared pages counted once, both use {:.1} MB",
            largest.median(),
            share.median()
        )))
}

/// What one process occupies, in megabytes.
struct Memory {
    /// The most that was ever resident.
    peak: f64,
    /// What is resident now, each page divided by the number of those that share it.
    share: f64,
}

impl Memory {
    /// Of a command and, for `count` of 2, its first child.
    fn of(command: &mut Command, count: usize) -> anyhow::Result<Vec<Self>> {
        let mut child = command.stdin(Stdio::null()).spawn()?;
        std::thread::sleep(Duration::from_millis(150));
        let mut pids = vec![child.id() as i32];
        if count > 1 {
            pids.extend(process_table::children(pids[0])?.first());
        }
        let read = pids.iter().map(|pid| Self::read(*pid)).collect();
        ensure!(child.wait()?.success(), "it failed");
        read
    }

    fn peaks(all: &[Self]) -> f64 {
        all.iter().map(|one| one.peak).sum()
    }

    fn read(pid: i32) -> anyhow::Result<Self> {
        let field = |file: &str, name: &str| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/{file}"))?;
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            let kilobytes: f64 = kilobytes.with_context(|| format!("no {name} in {file}"))?;
            anyhow::Ok(kilobytes * 1024.0 / 1e6)
        };
        Ok(Self {
            peak: field("status", "VmHWM:")?,
            share: field("smaps_rollup", "Pss:")?,
        })
    }
}

/// The command, with a ledger directory of its own.
pub(crate) struct Backstop {
    program: PathBuf,
    place: tempfile::TempDir,
}

impl Backstop {
    /// The one that was built beside this program.
    pub(crate) fn find() -> anyhow::Result<Self> {
        Self::at(std::env::current_exe()?.with_file_name("backstop"))
    }

    /// The smallest that is shipped, from where `cargo xtask dist` puts it.
    fn shipped() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let target = own
            .ancestors()
            .nth(2)
            .context("the program's path has no such parent")?;
        Self::at(target.join("dist/backstop-minimal"))
    }

    fn at(program: PathBuf) -> anyhow::Result<Self> {
        ensure!(
            program.is_file(),
            "{} is missing: `cargo xtask bench` builds it",
            program.display()
        );
        let place = tempfile::tempdir_in(place::in_memory())?;
        Ok(Self { program, place })
    }

    /// `backstop`, where it finds no settings of anybody's.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.place.path())
            .env("BACKSTOP_DIR", self.place.path().join("ledgers"))
            .env("HOME", self.place.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command.args(["run", "-q", "--"]).args(arguments);
        command
    }
}
