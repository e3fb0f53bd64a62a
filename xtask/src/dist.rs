//! `cargo xtask dist`: the command `backstop`, built once for each kind of deployment.

mod sets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use crate::arguments::{Accepted, Arguments};
use crate::program::{self, Stream};
use crate::test::Counts;
use crate::workspace::Workspace;
use sets::{Linking, Set};

const HELP: &str = "\
Builds the command per deployment, each with only its features, and prints the sizes. What needs no
shared library is linked statically: it runs also in a container that has no C library.

Usage: cargo xtask dist [--check] [--out DIR] [set...]

  set         minimal; all of them when none is named
  --check     runs the suite `shipped` over each program that was built
  --out DIR   where the programs go, as backstop-<set> [default: <target>/dist]";

const ACCEPTED: Accepted = Accepted {
    flags: &["check"],
    options: &["out"],
    names: true,
    passed_on: false,
};

const PACKAGE: &str = "backstop";

/// The profile of what is shipped, and the directory that cargo builds it in.
const PROFILE: &str = "dist";

/// The variable that names the program which the suite `shipped` tests.
pub(crate) const SHIPPED: &str = "BACKSTOP_SHIPPED";

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
    let mut built = Vec::new();
    for set in chosen {
        built.push((set, build(set, &workspace, &out)?));
    }
    print(&built)?;
    let mut passed = true;
    if arguments.has("check") {
        for (set, program) in &built {
            passed &= smoke(set, program)?;
        }
    }
    Ok(ExitCode::from(u8::from(!passed)))
}

/// Builds every set, and tests what was built.
///
/// # Errors
/// A set does not build.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<bool> {
    let mut passed = true;
    let mut built = Vec::new();
    for set in sets::ALL {
        let program = build(set, workspace, &default_out(workspace))?;
        passed &= smoke(set, &program)?;
        built.push((set, program));
    }
    print(&built)?;
    Ok(passed)
}

/// Builds the smallest set in the default directory, and returns the program.
pub(crate) fn minimal(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let chosen = sets::choose(&["minimal".to_owned()])?;
    build(chosen[0], workspace, &default_out(workspace))
}

fn default_out(workspace: &Workspace) -> PathBuf {
    workspace.target.join("dist")
}

/// Builds one set, copies it to `out`, and returns the program.
fn build(set: &Set, workspace: &Workspace, out: &Path) -> anyhow::Result<PathBuf> {
    let package = workspace.member(PACKAGE);
    set.check(package.context("the workspace has no command")?)?;
    let mut command = cargo(set);
    println!("$ {}", program::line(&command));
    if !program::status(&mut command)?.success() {
        bail!("the set `{}` does not build", set.name);
    }
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let from = workspace.target.join(PROFILE).join(PACKAGE);
    let to = out.join(format!("{PACKAGE}-{}", set.name));
    fs::copy(&from, &to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(to)
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

/// Runs the suite `shipped` over a program. That no test failed is not enough: some must have run.
fn smoke(set: &Set, program: &Path) -> anyhow::Result<bool> {
    let program =
        fs::canonicalize(program).with_context(|| format!("cannot find {}", program.display()))?;
    let mut command = program::cargo();
    command.args(["nextest", "run", "--workspace", "--all-features"]);
    command.args(["--no-fail-fast", "-E", "binary(=shipped)"]);
    command.env(SHIPPED, &program);
    println!(
        "$ {SHIPPED}={} {}",
        program.display(),
        program::line(&command)
    );
    let (status, lines) = program::overheard(&mut command, Stream::Error)?;
    let counts = Counts::from_nextest(&lines).held_against(status);
    println!(
        "set `{}`: {} passed, {} failed",
        set.name, counts.passed, counts.failed
    );
    Ok(counts.failed == 0 && counts.passed > 0)
}

fn print(built: &[(&Set, PathBuf)]) -> anyhow::Result<()> {
    println!("\n{:<9} {:>9}  {:<7} features", "set", "size", "linking");
    for (set, program) in built {
        let megabytes = fs::metadata(program)?.len() as f64 / 1e6;
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_static_set_has_the_c_library_linked_in() {
        let set = |linking| Set {
            name: "data",
            features: &["excel", "db"],
            linking,
        };
        let line = |linking| program::line(&cargo(&set(linking)));
        assert!(line(Linking::Static).ends_with("excel,db -- -C target-feature=+crt-static"));
        assert!(line(Linking::Shared).ends_with("excel,db"));
    }
}
