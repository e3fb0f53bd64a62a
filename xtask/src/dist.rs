//! `cargo xtask dist`: the command `backstop`, built once for each kind of deployment.

mod sets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use crate::arguments::{Accepted, Arguments};
use crate::program;
use crate::workspace::Workspace;
use sets::{Linking, Set};

const HELP: &str = "\
Builds the command per deployment, each with only its features, and prints the sizes. What needs no
shared library is linked statically: it runs also in a container that has no C library.

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

/// The profile of what is shipped, and the directory that cargo builds it in.
const PROFILE: &str = "dist";

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
        None => default_out(&workspace),
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

/// Builds the smallest set to where sets go by default.
pub(crate) fn minimal(workspace: &Workspace) -> anyhow::Result<()> {
    let chosen = sets::choose(&["minimal".to_owned()])?;
    for set in chosen {
        build(set, workspace, &default_out(workspace))?;
    }
    Ok(())
}

fn default_out(workspace: &Workspace) -> PathBuf {
    workspace.target.join("dist")
}

/// Builds one set, copies it out, and gives its size in bytes.
fn build(set: &Set, workspace: &Workspace, out: &Path) -> anyhow::Result<u64> {
    let mut command = cargo(set);
    println!("$ {}", program::line(&command));
    if !program::status(&mut command)?.success() {
        bail!("the set `{}` does not build", set.name);
    }
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let from = workspace.target.join(PROFILE).join(PACKAGE);
    let to = out.join(format!("{PACKAGE}-{}", set.name));
    fs::copy(&from, &to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// The build of one set.
fn cargo(set: &Set) -> Command {
    let mut command = program::cargo();
    command.args(["rustc", "--profile", PROFILE, "--package", PACKAGE]);
    command.args(["--bin", PACKAGE, "--no-default-features"]);
    command.args(["--features", &set.features.join(",")]);
    if set.linking == Linking::Static {
        // For the last step only, in which the compiler links: as RUSTFLAGS it would reach macros, which
        // cannot be static, unless all were built once more for a target with a name.
        command.args(["--", "-C", "target-feature=+crt-static"]);
    }
    command
}

fn print(rows: &[(&Set, Outcome)]) -> usize {
    println!();
    println!("{:<9} {:>9}  {:<7} features", "set", "size", "linking");
    let mut built = 0;
    for (set, outcome) in rows {
        match outcome {
            Outcome::Built(bytes) => {
                built += 1;
                let megabytes = *bytes as f64 / 1e6;
                let linking = match set.linking {
                    Linking::Static => "static",
                    Linking::Shared => "shared",
                };
                println!(
                    "{:<9} {megabytes:>6.2} MB  {linking:<7} {}",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str) -> String {
        let chosen = sets::choose(&[name.to_owned()]).unwrap();
        program::line(&cargo(chosen[0]))
    }

    #[test]
    fn only_a_static_set_has_the_c_library_linked_in() {
        assert!(line("minimal").ends_with(" -- -C target-feature=+crt-static"));
        assert!(line("full").ends_with("dashboard,lint"));
    }
}
