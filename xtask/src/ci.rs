//! `cargo xtask ci`: every check a change must pass, with the time each took.

use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::arguments::{Accepted, Arguments};
use crate::bench::instructions::{self, Act};
use crate::dist;
use crate::program::{self, Stream};
use crate::setup;
use crate::test::{self, Counts, Selection, Skips};
use crate::tidy::{self, Tree};
use crate::workspace::Workspace;

const HELP: &str = "\
Runs every check a change must pass, and prints what each took.

Usage: cargo xtask ci [--fast] [--no-test]

  --fast      without the documentation, the models of concurrency, the count of instructions, what is
              shipped and each package alone
  --no-test   without the tests: for a script that runs `cargo xtask test` itself

Every step runs, also after a failed one. With tests, the last line is their count.";

const ACCEPTED: Accepted = Accepted {
    flags: &["fast", "no-test"],
    options: &[],
    names: false,
    passed_on: false,
};

pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let Some(arguments) = Arguments::read(parser, &ACCEPTED)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let workspace = Workspace::load()?;
    let mut record = Record::default();

    record.command("format", cargo(&["fmt", "--all", "--check"]));
    record.step("tidy", || tidy::check(&workspace));
    let clippy = "clippy --workspace --all-targets --all-features -- -D warnings";
    record.command("clippy", cargo_line(clippy));
    let minimal = "clippy --package backstop --all-targets --no-default-features -- -D warnings";
    record.command("the command without features", cargo_line(minimal));
    if !arguments.has("fast") {
        record.command("documentation", documentation());
        record.command("core, unsupported system", unsupported_system(&workspace));
        record.step("core, every interleaving", || {
            every_interleaving(&workspace)
        });
        for member in &workspace.members {
            // This program was built alone a moment ago.
            if member.name != env!("CARGO_PKG_NAME") {
                let name = format!("{} alone", member.name);
                record.command(&name, cargo(&["check", "--package", &member.name]));
            }
        }
    }
    if workspace.member("backstop-benches").is_some() && !arguments.has("fast") {
        record.step("instructions of the hot paths", || {
            setup::for_tests()?;
            instructions::run(&workspace, Act::Compare)
        });
    }
    // After the other builds: it is the longest, and its programs are what the tests below run.
    if !arguments.has("fast") {
        record.step("shipped programs", || {
            setup::for_tests()?;
            dist::check(&workspace)
        });
    }
    let mut counts = None;
    if !arguments.has("no-test") {
        record.step("tests", || {
            setup::for_tests()?;
            let outcome = test::all(&workspace, Selection::default(), Skips::Denied)?;
            counts = Some(outcome.counts);
            Ok(outcome.passed)
        });
    }
    record.print();
    if !arguments.has("no-test") {
        println!("{}", counts.unwrap_or(Counts::FAILURE));
    }
    Ok(ExitCode::from(u8::from(!record.passed())))
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = program::cargo();
    command.args(arguments);
    command
}

fn cargo_line(line: &str) -> Command {
    cargo(&line.split(' ').collect::<Vec<_>>())
}

fn documentation() -> Command {
    let mut command = cargo_line("doc --workspace --no-deps --all-features");
    command.env("RUSTDOCFLAGS", added("RUSTDOCFLAGS", "-D warnings"));
    command
}

/// Checks that core compiles where there is no implementation of its door to the system.
fn unsupported_system(workspace: &Workspace) -> Command {
    let mut command = cargo_line("check --package backstop-core");
    command.env(
        "RUSTFLAGS",
        added("RUSTFLAGS", "--cfg backstop_os_unsupported"),
    );
    // Other flags rebuild every dependency: in the same directory, each of the two builds would
    // throw away the other's work.
    command.env(
        "CARGO_TARGET_DIR",
        workspace.target.join("unsupported-system"),
    );
    command
}

/// Runs the models of core's concurrent parts, in every order in which threads can meet: all that there
/// are, since they are chosen by a part of their names, and a renamed one would no longer run.
fn every_interleaving(workspace: &Workspace) -> anyhow::Result<bool> {
    let written = models(&Tree::read(&workspace.root)?);
    let mut command = cargo_line("test --package backstop-core --lib --release loom");
    command.env("RUSTFLAGS", added("RUSTFLAGS", "--cfg loom"));
    command.env("CARGO_TARGET_DIR", workspace.target.join("loom"));
    println!("$ {}", program::line(&command));
    let (status, lines) = program::overheard(&mut command, Stream::Output)?;
    let counts = Counts::from_libtest(&lines).held_against(status);
    if counts.passed != written {
        println!("{written} models exist, and {} passed", counts.passed);
    }
    Ok(counts.failed == 0 && written > 0 && counts.passed == written)
}

/// How many models core has.
fn models(tree: &Tree) -> usize {
    let of_core = tree
        .sources()
        .filter(|(path, _)| path.starts_with("core/src/"));
    let lines = of_core.flat_map(|(_, source)| source.lines());
    lines
        .filter(|(_, line)| line.code.contains("loom::model("))
        .count()
}

/// The variable's value with more at its end.
fn added(variable: &str, more: &str) -> OsString {
    let mut value = std::env::var_os(variable).unwrap_or_default();
    value.push(" ");
    value.push(more);
    value
}

/// The result of each step.
#[derive(Default)]
struct Record {
    steps: Vec<(String, Duration, bool)>,
}

impl Record {
    fn command(&mut self, name: &str, mut command: Command) {
        println!("$ {}", program::line(&command));
        self.step(name, || Ok(program::status(&mut command)?.success()));
    }

    fn step(&mut self, name: &str, act: impl FnOnce() -> anyhow::Result<bool>) {
        println!("== {name}");
        let start = Instant::now();
        let passed = act().unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            false
        });
        let took = start.elapsed();
        let verdict = if passed { "ok" } else { "FAILED" };
        println!("== {name}: {verdict}, {:.1} s", took.as_secs_f64());
        self.steps.push((name.to_owned(), took, passed));
    }

    fn passed(&self) -> bool {
        self.steps.iter().all(|(_, _, passed)| *passed)
    }

    fn print(&self) {
        println!();
        for (name, took, passed) in &self.steps {
            let verdict = if *passed { "ok" } else { "FAILED" };
            println!("{name:<32} {:>8.1} s  {verdict}", took.as_secs_f64());
        }
        let total: Duration = self.steps.iter().map(|(_, took, _)| *took).sum();
        println!("{:<32} {:>8.1} s", "total", total.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_whole_and_stops_nothing() {
        let mut record = Record::default();
        record.step("one", || anyhow::bail!("no such thing"));
        record.step("two", || Ok(true));
        assert_eq!(record.steps.len(), 2);
        assert!(!record.passed());
    }

    #[test]
    fn the_models_are_counted_where_they_are_written() {
        let model = "#[test]\nfn a() {\n loom::model(|| {});\n}\n// loom::model(\n";
        let tree = Tree::of(&[
            ("core/src/ledger/slot.rs", model),
            ("core/src/release/right.rs", model),
            ("core/tests/other.rs", model),
        ]);
        assert_eq!(models(&tree), 2);
    }

    #[test]
    fn a_command_fails_by_its_status() {
        let mut record = Record::default();
        record.command("true", Command::new("true"));
        assert!(record.passed());
        record.command("false", Command::new("false"));
        assert!(!record.passed());
    }
}
