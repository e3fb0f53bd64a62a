//! How many of five processes survive the end of their supervisor?
//!
//! A leader; one in its group; one in its group that ignores TERM; one in a session of its own; a
//! double-forked daemon that ignores TERM. The supervisor receives TERM, or KILL.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use backstop_os::pinned::PinnedProcess;
use backstop_os::process_table;
use backstop_os::signal::Signal;
use process_wrap::std::{CommandWrap, ProcessGroup};
use signal_hook::consts::{SIGCHLD, SIGTERM};
use signal_hook::iterator::Signals;

use super::run_true::Backstop;
use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Series};
use crate::peer::{self, Program};
use crate::role;

pub(crate) const NAME: &str = "five_processes";

const SCRIPT: &str = include_str!("../../../cli/tests/data/five.sh");
const COUNT: usize = 5;

/// How long the command has after a TERM, for supervisors with such an option.
const GRACE: &str = "0.3s";

/// What a peer needs that ours does not.
const PID_NAMESPACE: Option<&str> = Some("a PID namespace: root or user namespaces");
const SYSTEMD: Option<&str> = Some("systemd as the first process");

/// Each with its strongest options.
const PEERS: [(&str, &[&str], Option<&str>); 7] = [
    ("tini", &["-s", "-g", "--"], None),
    ("dumb-init", &["--"], None),
    ("catatonit", &["-g", "--"], None),
    ("timeout", &["-k", GRACE, "600"], None),
    (
        "unshare",
        &["--pid", "--fork", "--kill-child"],
        PID_NAMESPACE,
    ),
    (
        "bwrap",
        &[
            "--dev-bind",
            "/",
            "/",
            "--unshare-pid",
            "--proc",
            "/proc",
            "--die-with-parent",
        ],
        PID_NAMESPACE,
    ),
    ("systemd-run", &["--scope", "--quiet"], SYSTEMD),
];

/// Carried by the five, by which they are found from outside of a namespace.
const MARK: &str = "BACKSTOP_BENCH_FIVE";

/// The process that receives the signal.
#[derive(Clone, Copy)]
enum Victim {
    /// The process that was started.
    Started,
    /// Its only child: the supervisor beneath our guardian.
    Beneath,
}

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let rounds = effort.pick(1, 5);
    let backstop = Backstop::find()?;
    let mut answers = Vec::new();
    for (signal, title) in [(Signal::TERM, "SIGTERM"), (Signal::KILL, "SIGKILL")] {
        let mut table = Table::default();
        for (name, victim) in [
            ("backstop, to its guardian", Victim::Started),
            ("backstop, to its supervisor", Victim::Beneath),
        ] {
            table.add(name, env!("CARGO_PKG_VERSION"), rounds, || {
                let mut command = backstop.command();
                command.args(["run", "-q", "--grace", GRACE, "--kill-after", GRACE, "--"]);
                survivors(command, victim, signal)
            })?;
        }
        for (name, before, needs) in PEERS {
            let Some(program) = peer::program(name).filter(|program| is_usable(program, before))
            else {
                table.missing.push(name);
                continue;
            };
            table.needs.push((name, needs));
            table.add(name, &program.version, rounds, || {
                let mut command = Command::new(&program.path);
                command.args(before);
                survivors(command, Victim::Started, signal)
            })?;
        }
        let version = peer::library("process-wrap");
        table.add("process-wrap, a process group", &version, rounds, || {
            survivors(role::command("process-wrap", &[])?, Victim::Started, signal)
        })?;
        answers.extend(table.answers(title));
    }
    Ok(answers)
}

/// The results of the supervisors, ours first.
#[derive(Default)]
struct Table {
    rows: Vec<(String, String, Series, Series)>,
    missing: Vec<&'static str>,
    needs: Vec<(&'static str, Option<&'static str>)>,
}

impl Table {
    fn add(
        &mut self,
        name: &str,
        version: &str,
        rounds: usize,
        play: impl Fn() -> anyhow::Result<(usize, f64)>,
    ) -> anyhow::Result<()> {
        let (mut alive, mut took) = (Series::default(), Series::default());
        for _ in 0..rounds {
            let (survivors, milliseconds) = play().with_context(|| name.to_owned())?;
            alive.0.push(survivors as f64);
            // If all of them survive there is no time to report.
            if survivors < COUNT {
                took.0.push(milliseconds);
            }
        }
        self.rows
            .push((name.to_owned(), version.to_owned(), alive, took));
        Ok(())
    }

    fn answers(self, signal: &str) -> [Answer; 2] {
        let needed = &self.needs;
        let figures = |unit: &'static str| {
            let rows = self.rows.iter().map(move |(name, version, alive, took)| {
                let series = if unit == "ms" { took } else { alive };
                let needs = needed.iter().find(|(peer, _)| peer == name);
                Figure::of(name, version, series, unit).needs(needs.and_then(|(_, needs)| *needs))
            });
            let missing = self
                .missing
                .iter()
                .map(move |name| Figure::missing(*name, unit));
            rows.chain(missing)
        };
        let answer = |unit: &'static str| {
            let mut figures = figures(unit);
            let ours = figures.next().expect("ours is the first");
            Answer::new(NAME, ours).peers(figures)
        };
        [
            answer("survivors")
                .aspect(format!("survivors of {signal}"))
                .absolute_goal(Goal::AtMost(0.0)),
            answer("ms").aspect(format!("time until the last exit, {signal}")),
        ]
    }
}

/// Starts five processes under a supervisor and ends that; how many survive, and after how many
/// milliseconds the last of the others was gone.
fn survivors(mut command: Command, victim: Victim, signal: Signal) -> anyhow::Result<(usize, f64)> {
    let place = tempfile::tempdir()?;
    let (script, pids) = (place.path().join("five.sh"), place.path().join("pids"));
    std::fs::write(&script, SCRIPT)?;
    let mark = place.path().display().to_string();
    let mut supervisor = command
        .env(MARK, &mark)
        .arg("sh")
        .args([&script, &pids])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let played = play_out(&mut supervisor, &pids, &mark, victim, signal);
    // Those that a failed round leaves are not this question's to count.
    let _ = supervisor.kill();
    supervisor.wait()?;
    played
}

fn play_out(
    supervisor: &mut Child,
    pids: &Path,
    mark: &str,
    victim: Victim,
    signal: Signal,
) -> anyhow::Result<(usize, f64)> {
    let five = pinned(pids, mark)?;
    let started = PinnedProcess::pin(supervisor.id() as i32)?;
    let target = match victim {
        Victim::Started => PinnedProcess::pin(started.pid())?,
        Victim::Beneath => {
            let children = process_table::children(started.pid())?;
            PinnedProcess::pin(*children.first().context("it has no child")?)?
        }
    };
    let start = Instant::now();
    let _ = target.signal(signal)?;
    // No supervisor here takes longer than its grace and what a loaded machine adds.
    let end = start + Duration::from_secs(3);
    let mut last = Duration::ZERO;
    let mut alive = five.len();
    while alive > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
        let now = five.iter().filter(|process| !process.has_exited()).count();
        if now < alive {
            (alive, last) = (now, start.elapsed());
        }
    }
    for survivor in &five {
        let _ = survivor.signal(Signal::KILL);
    }
    let _ = target.signal(Signal::KILL);
    Ok((alive, last.as_secs_f64() * 1e3))
}

/// Whether it runs here what it is installed for.
fn is_usable(program: &Program, before: &[&str]) -> bool {
    let status = Command::new(&program.path)
        .args(before)
        .arg("true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// The process that has this PID in its own namespace, by its PID here: the five write down what they
/// see, and a stranger here may have that number.
fn by_own_number(own: i32, mark: &str) -> Option<i32> {
    let mark = format!("{MARK}={mark}");
    let processes = std::fs::read_dir("/proc").ok()?.map_while(Result::ok);
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.find(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        let last = numbers.and_then(|numbers| numbers.split_whitespace().last());
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        last == Some(&own.to_string())
            && environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == mark.as_bytes())
    })
}

fn pinned(path: &Path, mark: &str) -> anyhow::Result<Vec<PinnedProcess>> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let own = text.lines().filter_map(|line| line.parse().ok());
        let pids: Vec<i32> = own.filter_map(|own| by_own_number(own, mark)).collect();
        if pids.len() == COUNT {
            let pinned = pids.iter().map(|pid| PinnedProcess::pin(*pid));
            return Ok(pinned.collect::<Result<_, _>>()?);
        }
        ensure!(Instant::now() < end, "only {} were started", pids.len());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A supervisor as one writes it with process-wrap: a process group, TERM passed on to it, KILL after a
/// grace.
pub(crate) fn play(command: &[String]) -> anyhow::Result<String> {
    let (program, arguments) = command.split_first().context("a command is required")?;
    let mut signals = Signals::new([SIGTERM, SIGCHLD])?;
    let mut child = CommandWrap::with_new(program, |command| {
        command.args(arguments);
    })
    .wrap(ProcessGroup::leader())
    .spawn()?;
    for signal in &mut signals {
        if signal == SIGTERM {
            child.signal(SIGTERM)?;
            std::thread::sleep(Duration::from_millis(300));
            child.start_kill()?;
        }
        if child.try_wait()?.is_some() {
            break;
        }
    }
    Ok(String::new())
}
