//! `cargo xtask dist`: the command `backstop`, built once for each kind of deployment.

mod sets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::arguments::{Accepted, Arguments};
use crate::program;
use crate::workspace::Workspace;
use sets::Set;

const HELP: &str = "\
Builds the command per deployment, each with only its features, and prints the sizes.

Usage: cargo xtask dist [--out DIR] [set...]

  set         minimal, excel, vision, browser, data, full; all of them when none is named
  --out DIR   where the programs go, as backstop-<set> [default: <target>/dist]

A set whose features do not exist yet is listed as such and not built; naming it is an error.";

const ACCEPTED: Accepted = Accepted {
    flags: &[],
    options: &["out"],
    names: true,
};

const PACKAGE: &str = "backstop";

/// What became of a set.
enum Outcome {
    Built(u64),
    NotYet(String),
}

pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let Some(arguments) = Arguments::read(parser, &ACCEPTED)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let chosen = sets::choose(&arguments.names)?;
    let workspace = Workspace::load()?;
    let out = match arguments.option("out") {
        Some(out) => PathBuf::from(out),
        None => workspace.target.join("dist"),
    };
    let mut rows = Vec::new();
    for set in chosen {
        let outcome = match set.missing(workspace.member(PACKAGE)) {
            Some(missing) => Outcome::NotYet(missing),
            None => Outcome::Built(build(set, &workspace, &out)?),
        };
        rows.push((set, outcome));
    }
    let built = print(&rows);
    let unmet = !arguments.names.is_empty() && built < rows.len();
    Ok(ExitCode::from(u8::from(unmet)))
}

/// Builds one set, copies it out, and gives its size in bytes.
fn build(set: &Set, workspace: &Workspace, out: &Path) -> anyhow::Result<u64> {
    let mut command = program::cargo();
    command.args(["build", "--release", "--package", PACKAGE]);
    command.args([
        "--no-default-features",
        "--features",
        &set.features.join(","),
    ]);
    // By the compiler, so that no `strip` program is needed.
    command.args(["--config", "profile.release.strip=\"symbols\""]);
    println!("$ {}", program::line(&command));
    if !program::status(&mut command)?.success() {
        bail!("the set `{}` does not build", set.name);
    }
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let from = workspace.target.join("release").join(PACKAGE);
    let to = out.join(format!("{PACKAGE}-{}", set.name));
    fs::copy(&from, &to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

fn print(rows: &[(&Set, Outcome)]) -> usize {
    println!();
    println!("{:<9} {:>9}  features", "set", "size");
    let mut built = 0;
    for (set, outcome) in rows {
        match outcome {
            Outcome::Built(bytes) => {
                built += 1;
                let megabytes = *bytes as f64 / 1e6;
                println!(
                    "{:<9} {megabytes:>6.2} MB  {}",
                    set.name,
                    set.features.join(" ")
                );
            }
            Outcome::NotYet(missing) => println!("{:<9} {:>9}  {missing}", set.name, "-"),
        }
    }
    println!("{built} of {} built", rows.len());
    built
}
