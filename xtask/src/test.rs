//! `cargo xtask test`: runs every test and counts passed, failed and skipped ones.

mod counts;
pub(crate) mod skips;

use std::io::IsTerminal;
use std::process::{Command, ExitCode};

use crate::arguments::{Accepted, Arguments};
use crate::dist;
use crate::program::{self, Stream};
use crate::setup;
use crate::workspace::Workspace;
pub(crate) use counts::Counts;
use skips::SkipLog;

const HELP: &str = "\
Runs every test, and counts what passed, failed and was skipped.

Usage: cargo xtask test [--no-setup] [--deny-skips] [filter...] [-- ARGS...]

  filter         only tests with this in their names
  ARGS           passed to `cargo nextest run`, e.g. `-- -p backstop-os`; without the doctests
  --no-setup     do not look for, or install, what the tests need
  --deny-skips   fail when a suite was skipped that must run; builds what is shipped, to test it too,
                 unless BACKSTOP_SHIPPED names a program to test

A test that cannot run on this machine reports it by a line
`BACKSTOP-SKIPPED: <suite> [<test>]: <reason>`, also appended to the file that BACKSTOP_SKIP_LOG names.
It counts as skipped, not as passed. The suites, and which may be skipped, are listed in
testkit/suites. The last line is `N passed, N failed, N skipped`, whatever else happens.";

const ACCEPTED: Accepted = Accepted {
    flags: &["no-setup", "deny-skips"],
    options: &[],
    names: true,
    passed_on: true,
};

pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let Some(arguments) = Arguments::read(parser, &ACCEPTED)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let skips = if arguments.has("deny-skips") {
        Skips::Denied
    } else {
        Skips::Allowed
    };
    let selection = Selection {
        filters: &arguments.names,
        passed_on: &arguments.passed_on,
    };
    let outcome = prepared(&arguments, selection, skips).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        Outcome::FAILED
    });
    println!("{}", outcome.counts);
    Ok(ExitCode::from(u8::from(!outcome.passed)))
}

fn prepared(
    arguments: &Arguments,
    selection: Selection<'_>,
    skips: Skips,
) -> anyhow::Result<Outcome> {
    if !arguments.has("no-setup") {
        setup::for_tests()?;
    }
    all(&Workspace::load()?, selection, skips)
}

/// Whether a suite that must run may be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skips {
    Allowed,
    Denied,
}

/// Which tests are run; all by default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Selection<'a> {
    /// Those with one of these in their names.
    pub(crate) filters: &'a [String],
    /// Arguments of nextest, as they are.
    pub(crate) passed_on: &'a [String],
}

impl Selection<'_> {
    /// Whether what is passed on names packages, which `--workspace` would override.
    fn names_packages(self) -> bool {
        let mut passed_on = self.passed_on.iter();
        passed_on.any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
    }

    fn is_all(self) -> bool {
        self.filters.is_empty() && self.passed_on.is_empty()
    }
}

/// The result of a run of the tests.
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    pub(crate) passed: bool,
}

impl Outcome {
    /// Of a run that could not begin.
    const FAILED: Self = Self {
        counts: Counts::FAILURE,
        passed: false,
    };
}

/// Runs the selected tests.
pub(crate) fn all(
    workspace: &Workspace,
    selection: Selection<'_>,
    skips: Skips,
) -> anyhow::Result<Outcome> {
    let log = SkipLog::start(&workspace.target)?;
    let mut counts = Counts::default();
    let mut passed = true;
    // What CI must test it builds; elsewhere the suite reports that it was skipped.
    let shipped = match skips {
        Skips::Denied => match std::env::var_os(dist::SHIPPED) {
            Some(program) => Ok(Some(program.into())),
            None => dist::minimal(workspace).map(Some),
        },
        Skips::Allowed => Ok(None),
    };
    let shipped = shipped.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        passed = false;
        None
    });
    let prepare = |command: &mut Command| {
        log.announce(command);
        if let Some(program) = &shipped {
            command.env(dist::SHIPPED, program);
        }
    };
    counts += or_a_failure(nextest(selection, prepare));
    if selection.passed_on.is_empty() {
        counts += or_a_failure(doctests(selection.filters, prepare));
    }

    let skipped = log.read()?;
    counts.skip(skips::tests(&skipped));
    for skip in &skipped {
        println!("skipped: {skip}");
    }
    passed &= counts.failed == 0;
    if counts.passed + counts.failed + counts.skipped == 0 {
        eprintln!("error: no test was run");
        passed = false;
    }
    if skips == Skips::Denied {
        for line in skips::denied(&skipped) {
            eprintln!("error: {line}");
            passed = false;
        }
    }
    Ok(Outcome { counts, passed })
}

/// A runner that cannot be started is a failure among the others, and hides none of their counts.
fn or_a_failure(counted: anyhow::Result<Counts>) -> Counts {
    counted.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        Counts::FAILURE
    })
}

fn nextest(selection: Selection<'_>, prepare: impl Fn(&mut Command)) -> anyhow::Result<Counts> {
    let mut command = program::cargo();
    command.args(["nextest", "run", "--all-features"]);
    if !selection.names_packages() {
        command.arg("--workspace");
    }
    // All of them, or the counts would be of the part before the first failure; and a filter may
    // match only doctests.
    command.args(["--no-fail-fast", "--no-tests=pass"]);
    if std::io::stderr().is_terminal() {
        command.args(["--color", "always"]);
    }
    command.args(selection.passed_on);
    command.arg("--").args(selection.filters);
    prepare(&mut command);
    let (status, lines) = program::overheard(&mut command, Stream::Error)?;
    let mut counts = Counts::from_nextest(&lines);
    if !selection.is_all() {
        // Here nextest counts as skipped what was not selected.
        counts.skipped = 0;
    }
    Ok(counts.held_against(status))
}

fn doctests(filters: &[String], prepare: impl Fn(&mut Command)) -> anyhow::Result<Counts> {
    let mut command = program::cargo();
    command.args([
        "test",
        "--doc",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
    ]);
    command.arg("--").args(filters);
    prepare(&mut command);
    let (status, lines) = program::overheard(&mut command, Stream::Output)?;
    Ok(Counts::from_libtest(&lines).held_against(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_that_cannot_be_started_is_one_failure_among_the_counts() {
        let mut counts = Counts {
            passed: 3,
            ..Counts::default()
        };
        counts += or_a_failure(Err(anyhow::anyhow!("no such program")));
        assert_eq!(counts.to_string(), "3 passed, 1 failed, 0 skipped");
    }
}
