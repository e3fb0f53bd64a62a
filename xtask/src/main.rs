//! The chores of this workspace, each one command: `cargo xtask <command>`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's command prints to its terminal"
)]

mod arguments;
mod program;
mod workspace;

mod bench;
mod ci;
mod dist;
mod sanitize;
mod setup;
mod test;
mod tidy;

use std::process::ExitCode;

use lexopt::prelude::*;

const HELP: &str = "\
The chores of this workspace.

Usage: cargo xtask <command> [options]

  setup     install what the full build and its tests need
  test      run every test and count what passed, failed and was skipped
  ci        every check a change must pass
  bench     run the benchmarks
  tidy      check the architecture's rules
  dist      build the command per deployment and print its sizes
  sanitize  run tests under the address sanitizer

`cargo xtask <command> --help` tells more of each.";

fn main() -> ExitCode {
    dispatch().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        if error.is::<lexopt::Error>() {
            ExitCode::from(2)
        } else {
            ExitCode::FAILURE
        }
    })
}

fn dispatch() -> anyhow::Result<ExitCode> {
    let mut parser = lexopt::Parser::from_env();
    let command = match parser.next()? {
        Some(Value(command)) => command.string()?,
        None | Some(Long("help") | Short('h')) => {
            println!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        Some(other) => return Err(other.unexpected().into()),
    };
    match command.as_str() {
        "setup" => setup::run(parser),
        "test" => test::run(parser),
        "ci" => ci::run(parser),
        "bench" => bench::run(parser),
        "tidy" => tidy::run(parser),
        "dist" => dist::run(parser),
        "sanitize" => sanitize::run(parser),
        unknown => {
            eprintln!("error: no command `{unknown}`\n\n{HELP}");
            Ok(ExitCode::from(2))
        }
    }
}
