//! `cargo xtask bench`: the benchmarks, each with its peers in the same run.

use std::process::ExitCode;

use crate::arguments::{Accepted, Arguments};
use crate::program;
use crate::workspace::Workspace;

const HELP: &str = "\
Runs the benchmarks.

Usage: cargo xtask bench [--quick] [name...]

  name      only this benchmark: a file of benches/ without its ending
  --quick   fewer samples: for a look, not for a figure to publish

Exits with 2 when the workspace has no benchmarks.";

const ACCEPTED: Accepted = Accepted {
    flags: &["quick"],
    options: &[],
    names: true,
};

const PACKAGE: &str = "backstop-benches";

pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let Some(arguments) = Arguments::read(parser, &ACCEPTED)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    if Workspace::load()?.member(PACKAGE).is_none() {
        eprintln!("there are no benchmarks yet: the workspace has no package `{PACKAGE}`");
        return Ok(ExitCode::from(2));
    }
    let mut command = program::cargo();
    command.args(["bench", "--package", PACKAGE]);
    for name in &arguments.names {
        command.args(["--bench", name]);
    }
    if arguments.names.is_empty() {
        // Else cargo also runs the library's unit tests as benchmarks, which know no `--quick`.
        command.arg("--benches");
    }
    if arguments.has("quick") {
        command.args(["--", "--quick"]);
    }
    let passed = program::status(&mut command)?.success();
    Ok(ExitCode::from(u8::from(!passed)))
}
