//! `docs/BENCHMARKS.md`: the machine, the table, the survivors, the curves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::answers::Answer;
use super::instructions::Counts;

/// The path of the document.
pub(crate) const PATH: &str = "docs/BENCHMARKS.md";

/// The question that has a table of its own.
const SURVIVORS: &str = "five_processes";

const GROWTH: &str = "## How it grows";

/// The pictures that `--curves` draws, with what each shows.
const CURVES: &[(&str, &str)] = &[
    ("curve-live-resources.svg", "Live resources, 1 to 10⁷"),
    ("curve-threads.svg", "Threads, 1 to 16"),
    ("curve-processes.svg", "Processes, 1 to 4 000"),
    ("curve-orphans.svg", "Orphans, 10 to 10⁶"),
];

/// The effort of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Quick,
    Full,
}

/// Writes the document from scratch.
pub(crate) fn write(
    root: &Path,
    kind: Kind,
    answers: &[Answer],
    counts: Option<&Counts>,
) -> anyhow::Result<()> {
    let mut text = String::from(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench`; do not edit. Contenders of one question run in turn, forwards and\n\
         backwards, in the same minutes; a ratio is taken within each pair, and shown as the median with\n\
         min to max. Single figures are medians.\n\n",
    );
    if kind == Kind::Quick {
        text.push_str("**This was a quick run: an indication, not figures to publish.**\n\n");
    }
    text.push_str(&machine(root));
    text.push_str(&table(answers));
    text.push_str(&survivors(answers));
    if let Some(counts) = counts {
        text.push_str(&instructions(counts));
    }
    text.push_str(&growth(root));
    save(root, &text)
}

/// Replaces the curves in the document, if it exists.
pub(crate) fn refresh_curves(root: &Path) -> anyhow::Result<()> {
    let Ok(text) = fs::read_to_string(root.join(PATH)) else {
        return Ok(());
    };
    let before = text.split(GROWTH).next().unwrap_or_default();
    save(root, &format!("{before}{}", growth(root)))
}

fn save(root: &Path, text: &str) -> anyhow::Result<()> {
    let path = root.join(PATH);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn machine(root: &Path) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_once(':'));
        value.map_or_else(
            || "unknown".to_owned(),
            |(_, value)| value.trim().to_owned(),
        )
    };
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(root)
            .output();
        let text = output.map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&text).trim().to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "| | |\n|---|---|\n\
         | date | {} |\n| commit | {} |\n| processor | {}, {cores} cores |\n| memory | {} |\n\
         | kernel | Linux {} |\n| compiler | {} |\n| load at the end | {load} |\n\n",
        said("date", &["-u", "+%F"]),
        said("git", &["rev-parse", "--short", "HEAD"]),
        field(&read("/proc/cpuinfo"), "model name"),
        field(&read("/proc/meminfo"), "MemTotal"),
        read("/proc/sys/kernel/osrelease").trim(),
        said("rustc", &["--version"]),
    )
}

fn table(answers: &[Answer]) -> String {
    let mut text = String::from(
        "## The questions\n\n| question | ours | peers | ratio | goal | |\n|---|---|---|---|---|---|\n",
    );
    for answer in answers.iter().filter(|answer| answer.question != SURVIVORS) {
        let peers = answer.peers.iter().map(|peer| match peer.value {
            Some(_) => format!("{} {}: {}", peer.name, peer.version, peer.shown()),
            None => format!("{}: not installed", peer.name),
        });
        let ratio = match (&answer.ratio, &answer.against) {
            (Some(ratio), Some(against)) => format!("{} of {against}", ratio.shown()),
            _ => String::new(),
        };
        let notes: String = answer
            .notes
            .iter()
            .map(|note| format!("<br>{note}"))
            .collect();
        text.push_str(&format!(
            "| {}{notes} | {}: {} | {} | {ratio} | {} | {} |\n",
            answer.title(),
            answer.ours.name,
            answer.ours.shown(),
            peers.collect::<Vec<_>>().join("<br>"),
            answer.goal.as_deref().unwrap_or(""),
            answer.verdict(),
        ));
    }
    text.push('\n');
    text
}

fn survivors(answers: &[Answer]) -> String {
    let columns: Vec<&Answer> = answers
        .iter()
        .filter(|answer| answer.question == SURVIVORS)
        .collect();
    let Some(first) = columns.first() else {
        return String::new();
    };
    let mut text = String::from(
        "## Five processes and their supervisor\n\n\
         A leader; one in its group; one in its group that ignores TERM; one in a session of its own; a\n\
         double-forked daemon that ignores TERM. The supervisor receives a signal; how many of the five are\n\
         alive three seconds later, and how long until the last of the others was gone. Outside of a\n\
         container: as its first process, an init takes the rest with it when it exits. Each peer with its\n\
         strongest options; ours and `timeout` with 0.3 s between the rungs.\n\n\
         `unshare` and `bwrap` need the right to create a PID namespace, which the kernel empties when its\n\
         first process dies. Neither names what was left, gives it time to exit after SIGTERM, or cleans up\n\
         files.\n\n| supervisor |",
    );
    for column in &columns {
        text.push_str(&format!(" {} |", column.aspect.as_deref().unwrap_or("")));
    }
    text.push_str(&format!(
        " needs |\n|---|{}---|\n",
        "---|".repeat(columns.len())
    ));
    let rows = |answer: &Answer| [std::slice::from_ref(&answer.ours), &answer.peers].concat();
    for (index, row) in rows(first).iter().enumerate() {
        text.push_str(&format!("| {} {} |", row.name, row.version));
        for column in &columns {
            let figure = rows(column).into_iter().nth(index);
            let shown = figure.map_or_else(String::new, |figure| match figure.unit.as_str() {
                "survivors" => figure
                    .value
                    .map_or_else(|| "–".to_owned(), |value| format!("{value}")),
                _ => figure.shown(),
            });
            text.push_str(&format!(" {shown} |"));
        }
        text.push_str(&format!(" {} |\n", row.needs.as_deref().unwrap_or("")));
    }
    let notes: BTreeSet<&String> = columns.iter().flat_map(|column| &column.notes).collect();
    for note in notes {
        text.push_str(&format!("\n{note}\n"));
    }
    text.push('\n');
    text
}

fn instructions(counts: &Counts) -> String {
    let mut text = String::from(
        "## Instructions of the hot paths\n\n\
         Counted by callgrind for one of each, stored in [instructions.toml](../benches/instructions.toml),\n\
         and compared by `cargo xtask ci`: more than 3 % above is a failure.\n\n\
         | path | instructions |\n|---|---|\n",
    );
    for (name, count) in counts.iter() {
        text.push_str(&format!("| {name} | {count} |\n"));
    }
    text.push('\n');
    text
}

fn growth(root: &Path) -> String {
    let drawn = CURVES
        .iter()
        .filter(|(file, _)| root.join("docs").join(file).is_file());
    let pictures: Vec<_> = drawn
        .map(|(file, title)| format!("![{title}]({file})\n"))
        .collect();
    if pictures.is_empty() {
        return String::new();
    }
    let points = "`cargo xtask bench --curves` redraws them, and prints their points.";
    format!("{GROWTH}\n\n{points}\n\n{}", pictures.join("\n"))
}
