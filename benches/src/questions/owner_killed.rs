//! How long does it take until everything is gone that a killed owner held?

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use backstop_benches::place;
use backstop_core::reclaim::guardian;
use backstop_os::pinned::PinnedProcess;
use backstop_process::ChildProcess;
use backstop_tempfs::TempOptions;

use crate::answer::{Answer, Figure, Goal};
use crate::measure::{Effort, Ratio, Series, milliseconds, rounds_of};
use crate::role;

pub(crate) const NAME: &str = "owner_killed";

const DIRECTORIES: usize = 100;
const FILES_EACH: usize = 100;
const PROCESSES: usize = 50;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn ask(effort: Effort) -> anyhow::Result<Vec<Answer>> {
    let mut noticed = Series::default();
    let series = rounds_of(
        effort.pick(5, 15),
        &mut [
            &mut || {
                let (first, all) = ours()?;
                noticed.0.push(first);
                Ok(all)
            },
            &mut raw,
            &mut waking,
        ],
    )?;
    let unit = "ms";
    Ok(vec![
        Answer::new(NAME, Figure::ours("backstop, its guardian", &series[0], unit))
            .peer(Figure::of("kill and rm -rf", "this system", &series[1], unit))
            .against("kill and rm -rf", Ratio::of(&series[0], &series[1]))
            .goal(Goal::AtMost(1.0))
            .note(format!(
                "{DIRECTORIES} directories, {} files, {PROCESSES} processes; for comparison, Ryuk starts after 10 s",
                DIRECTORIES * FILES_EACH
            )),
        Answer::new(NAME, Figure::ours("until the first process is gone", &noticed, unit))
            .aspect("noticed")
            .peer(Figure::of(
                "poll of a pidfd, from the kill until it wakes",
                "this kernel",
                &series[2],
                unit,
            ))
            .against("poll of a pidfd", Ratio::of(&noticed, &series[2]))
            .goal(Goal::AtMost(3.0))
            .note("ours includes two process exits: the owner's, and that of the first process that its guardian kills"),
    ])
}

/// How long until the first process is gone, and until everything is, in milliseconds.
fn ours() -> anyhow::Result<(f64, f64)> {
    let place = tempfile::tempdir_in(place::in_memory())?;
    for name in ["ledgers", "tmp"] {
        make_private(&place.path().join(name))?;
    }
    let mut owner = role::command("owner", &[])?
        .env("BACKSTOP_DIR", place.path().join("ledgers"))
        .env("TMPDIR", place.path().join("tmp"))
        .stdout(Stdio::piped())
        .spawn()?;
    let said = first_line(&mut owner)?;
    let pids = said
        .split(' ')
        .map(|pid| Ok(PinnedProcess::pin(pid.parse()?)?));
    let mut pinned = pids.collect::<anyhow::Result<Vec<_>>>()?;
    let guardian = pinned.pop().context("the guardian's number is the last")?;
    ensure!(
        pinned.len() == PROCESSES,
        "unexpected output of the owner: {said}"
    );

    let start = Instant::now();
    owner.kill()?;
    let gone = gone_after(&pinned, start);
    ensure!(guardian.wait_exit(PATIENCE)?, "the guardian did not end");
    let all = start.elapsed();
    owner.wait()?;
    let left = fs::read_dir(place.path().join("tmp"))?.count();
    ensure!(left == 0, "{left} entries are left");
    ensure!(
        gone.len() == PROCESSES,
        "only {} processes are gone",
        gone.len()
    );
    let first = gone.into_iter().min().unwrap_or_default();
    Ok((first.as_secs_f64() * 1e3, all.as_secs_f64() * 1e3))
}

/// When each of those that end ended. Each is waited for by a thread: the first may be any of them.
fn gone_after(pinned: &[PinnedProcess], start: Instant) -> Vec<Duration> {
    std::thread::scope(|scope| {
        let waits: Vec<_> = pinned
            .iter()
            .map(|process| {
                scope.spawn(move || {
                    let gone = process.wait_exit(PATIENCE).is_ok_and(|gone| gone);
                    gone.then(|| start.elapsed())
                })
            })
            .collect();
        let ended = waits.into_iter().map(|wait| wait.join().ok().flatten());
        ended.flatten().collect()
    })
}

/// The same by hand, in milliseconds.
fn raw() -> anyhow::Result<f64> {
    let place = tempfile::tempdir_in(place::in_memory())?;
    let root = place.path().join("root");
    fs::create_dir(&root)?;
    for number in 0..DIRECTORIES {
        let directory = root.join(number.to_string());
        fs::create_dir(&directory)?;
        fill(&directory)?;
    }
    let mut children = (0..PROCESSES)
        .map(|_| sleeper().spawn())
        .collect::<Result<Vec<_>, _>>()?;
    milliseconds(|| {
        let pids = children.iter().map(|child| child.id().to_string());
        ensure!(
            Command::new("kill")
                .arg("-KILL")
                .args(pids)
                .status()?
                .success(),
            "kill failed"
        );
        ensure!(
            Command::new("rm").arg("-rf").arg(&root).status()?.success(),
            "rm failed"
        );
        for child in &mut children {
            child.wait()?;
        }
        Ok(())
    })
}

/// How long until a thread that polls the pidfd of a killed process wakes, in milliseconds.
///
/// The process is waited for by as many threads, and is the first of as many, as the owner's are: what
/// scheduling them takes is in both figures.
fn waking() -> anyhow::Result<f64> {
    let mut children = (0..PROCESSES)
        .map(|_| sleeper().spawn())
        .collect::<Result<Vec<_>, _>>()?;
    let pinned = children
        .iter()
        .map(|child| Ok(PinnedProcess::pin(i32::try_from(child.id())?)?))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let start = Instant::now();
    for child in &mut children {
        child.kill()?;
    }
    let gone = gone_after(&pinned, start);
    for child in &mut children {
        child.wait()?;
    }
    let first = gone.into_iter().min().context("none is gone")?;
    Ok(first.as_secs_f64() * 1e3)
}

/// The owner's part: holds everything, prints the PIDs of its processes and of its guardian, and waits
/// to be killed.
pub(crate) fn play() -> anyhow::Result<String> {
    let mut directories = Vec::new();
    for _ in 0..DIRECTORIES {
        let directory = TempOptions::new().base(std::env::temp_dir()).create_dir()?;
        fill(directory.path())?;
        directories.push(directory);
    }
    let children = (0..PROCESSES)
        .map(|_| ChildProcess::builder(sleeper()).spawn())
        .collect::<Result<Vec<_>, _>>()?;
    let guardian = guardian::start()?;
    let mut pids: Vec<String> = children
        .iter()
        .map(|child| child.pid().to_string())
        .collect();
    pids.push(guardian.pid().to_string());
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", pids.join(" "))?;
    stdout.flush()?;
    loop {
        std::thread::park();
    }
}

fn sleeper() -> Command {
    let mut command = Command::new("sleep");
    command
        .arg("600")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

fn fill(directory: &Path) -> std::io::Result<()> {
    (0..FILES_EACH).try_for_each(|number| fs::write(directory.join(number.to_string()), "a row"))
}

fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

fn first_line(owner: &mut Child) -> anyhow::Result<String> {
    let mut line = String::new();
    let stdout = owner.stdout.take().context("the stream is piped")?;
    BufReader::new(stdout).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
