//! `cargo xtask test`: runs every test and counts honestly what became of each.

mod counts;
pub(crate) mod skips;

use std::io::IsTerminal;
use std::process::ExitCode;

use crate::arguments::{Accepted, Arguments};
use crate::program::{self, Stream};
use crate::setup;
use crate::workspace::Workspace;
pub(crate) use counts::Counts;
use skips::SkipLog;

const HELP: &str = "\
Runs every test, and counts what passed, failed and was skipped.

Usage: cargo xtask test [--no-setup] [--deny-skips] [filter...]

  filter         only tests with this in their names
  --no-setup     do not look for, or install, what the tests need
  --deny-skips   fail when a required suite could not run here

A test that cannot run on this machine says so by a line `BACKSTOP-SKIPPED: <suite>: <reason>`,
also appended to the file named by BACKSTOP_SKIP_LOG. It counts as skipped, not as passed.
The last line is `N passed, N failed, N skipped`.";

const ACCEPTED: Accepted = Accepted {
    flags: &["no-setup", "deny-skips"],
    options: &[],
    names: true,
};

pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let Some(arguments) = Arguments::read(parser, &ACCEPTED)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    if !arguments.has("no-setup") {
        setup::for_tests()?;
    }
    let skips = if arguments.has("deny-skips") {
        Skips::Denied
    } else {
        Skips::Allowed
    };
    let outcome = all(&Workspace::load()?, &arguments.names, skips)?;
    println!("{}", outcome.counts);
    Ok(ExitCode::from(u8::from(!outcome.passed)))
}

/// Whether a required suite may be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skips {
    Allowed,
    Denied,
}

/// What a run of the tests came to.
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    pub(crate) passed: bool,
}

/// Runs the tests whose names contain one of the filters, or all.
pub(crate) fn all(
    workspace: &Workspace,
    filters: &[String],
    skips: Skips,
) -> anyhow::Result<Outcome> {
    let log = SkipLog::start(&workspace.target)?;
    let mut counts = nextest(filters, &log)?;
    counts += doctests(filters, &log)?;

    let skipped = log.read()?;
    counts.skip(skipped.len());
    for skip in &skipped {
        println!("skipped: {skip}");
    }
    let mut passed = counts.failed == 0;
    if counts.is_empty() {
        eprintln!("error: no test was run");
        passed = false;
    }
    if skips == Skips::Denied {
        for skip in skipped.iter().filter(|skip| skip.is_denied()) {
            eprintln!("error: a required suite was skipped: {skip}");
            passed = false;
        }
    }
    Ok(Outcome { counts, passed })
}

fn nextest(filters: &[String], log: &SkipLog) -> anyhow::Result<Counts> {
    let mut command = program::cargo();
    command.args(["nextest", "run", "--workspace", "--all-features"]);
    // All of them, or the counts would be of the part before the first failure; and a filter may
    // match only doctests.
    command.args(["--no-fail-fast", "--no-tests=pass"]);
    if std::io::stderr().is_terminal() {
        command.args(["--color", "always"]);
    }
    command.arg("--").args(filters);
    log.announce(&mut command);
    let (status, lines) = program::overheard(&mut command, Stream::Error)?;
    let mut counts = Counts::from_nextest(&lines);
    if !filters.is_empty() {
        // Here nextest counts as skipped what the filter did not ask for.
        counts.skipped = 0;
    }
    Ok(counts.held_against(status))
}

fn doctests(filters: &[String], log: &SkipLog) -> anyhow::Result<Counts> {
    let mut command = program::cargo();
    command.args([
        "test",
        "--doc",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
    ]);
    command.arg("--").args(filters);
    log.announce(&mut command);
    let (status, lines) = program::overheard(&mut command, Stream::Output)?;
    Ok(Counts::from_doctests(&lines).held_against(status))
}
