//! `cargo xtask bench`: speed, compared with the peers in the same run.

pub(crate) mod instructions;

mod answers;
mod document;

use std::process::{Command, ExitCode};

use anyhow::bail;

use crate::arguments::{Accepted, Arguments};
use crate::dist;
use crate::program;
use crate::setup;
use crate::workspace::Workspace;
use answers::Answer;
use document::Kind;
use instructions::{Act, Counts};

const HELP: &str = "\
Asks how fast, with the peers in the same run, and prints a table: question, ours, peers, ratio, goal.

Usage: cargo xtask bench [--quick [--write]] [name...]
       cargo xtask bench --curves
       cargo xtask bench --instructions [--update]

  name            only this question: a file of benches/src/questions without its ending
  --quick         fewer and smaller rounds, under five minutes: for a look, not for a figure to publish
  --write         writes docs/BENCHMARKS.md also after a quick run; a full run of all questions does so
  --curves        draws how figures grow, into docs/: up to 10 million resources, 4000 processes
  --instructions  counts the instructions of the hot paths and compares them with those that are kept
  --update        keeps what was counted

Installs the peers that are missing, as `cargo xtask setup` does. A question without one of its peers is
missed, but for a peer that is listed as optional in benches/src/peer.rs.

Exits with 1 when a question had no answer, or a hot path has more instructions than are kept. A goal
that is missed is shown and is no failure: a machine can be slow.";

const ACCEPTED: Accepted = Accepted {
    flags: &["quick", "write", "curves", "instructions", "update"],
    options: &[],
    names: true,
    passed_on: false,
};

/// The package of the benchmarks, which is its program's name too.
const PACKAGE: &str = "backstop-benches";

/// The question about the command as it is shipped.
const ABOUT_SHIPPED: &str = "run_true";

pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let Some(arguments) = Arguments::read(parser, &ACCEPTED)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    setup::for_benches()?;
    let workspace = Workspace::load()?;
    let passed = if arguments.has("instructions") {
        let act = if arguments.has("update") {
            Act::Update
        } else {
            Act::Compare
        };
        instructions::run(&workspace, act)?
    } else {
        let mut benches = build(&workspace)?;
        if arguments.has("curves") {
            benches.arg("--curves").arg(workspace.root.join("docs"));
            let passed = program::status(&mut benches)?.success();
            document::refresh_curves(&workspace.root)?;
            passed
        } else {
            let names = &arguments.names;
            if names.is_empty() || names.iter().any(|name| name == ABOUT_SHIPPED) {
                dist::minimal(&workspace)?;
            }
            ask(&workspace, benches, &arguments)?
        }
    };
    Ok(ExitCode::from(u8::from(!passed)))
}

/// Builds the benchmarks and the command that some of them run; returns the benchmarks' path.
fn build(workspace: &Workspace) -> anyhow::Result<Command> {
    let mut cargo = program::cargo();
    cargo.args([
        "build",
        "--release",
        "--bins",
        "--package",
        PACKAGE,
        "--package",
        "backstop",
    ]);
    if !program::status(&mut cargo)?.success() {
        bail!("the benchmarks cannot be built");
    }
    Ok(Command::new(workspace.target.join("release").join(PACKAGE)))
}

fn ask(workspace: &Workspace, mut benches: Command, arguments: &Arguments) -> anyhow::Result<bool> {
    let kind = if arguments.has("quick") {
        benches.arg("--quick");
        Kind::Quick
    } else {
        Kind::Full
    };
    benches.args(&arguments.names);
    let (answers, passed) = answers::ask(&mut benches)?;
    print(&answers);
    let is_whole = arguments.names.is_empty() && passed;
    if is_whole && (kind == Kind::Full || arguments.has("write")) {
        let counts = Counts::kept(&workspace.root).ok();
        document::write(&workspace.root, kind, &answers, counts.as_ref())?;
        println!("{} is written", document::PATH);
    }
    Ok(passed)
}

fn print(answers: &[Answer]) {
    for answer in answers {
        println!("\n{}", answer.title());
        println!("  {:<52} {:>16}", answer.ours.name, answer.ours.shown());
        for peer in &answer.peers {
            let name = match peer.value {
                Some(_) => format!("{} {}", peer.name, peer.version),
                None => peer.name.clone(),
            };
            println!("  {name:<52} {:>16}", peer.shown());
        }
        if let (Some(ratio), Some(against)) = (&answer.ratio, &answer.against) {
            println!("  ratio to {against}: {}", ratio.shown());
        }
        if let Some(goal) = &answer.goal {
            println!("  goal {goal}: {}", answer.verdict());
        }
        for note in &answer.notes {
            println!("  ({note})");
        }
    }
}
