//! `cargo xtask setup`: installs what the full build and its tests need.
//!
//! Takes the table of [`needs`], checks which are missing, and installs those it may.

mod install;
mod needs;

use std::process::ExitCode;

use anyhow::bail;

use crate::arguments::{Accepted, Arguments};
use install::Authority;
use needs::{Need, Source, Weight};

const HELP: &str = "\
Installs what the full build and its tests need. Runs as often as you like: what is there stays.

Usage: cargo xtask setup [--dry-run]

  --dry-run   only say what is there, what is missing, and what would be run

Uses apt-get as root or by passwordless sudo; else prints the line to run yourself. Exits with 1
when something is still missing without which the build or the tests fail.";

const ACCEPTED: Accepted = Accepted {
    flags: &["dry-run"],
    options: &[],
    names: false,
    passed_on: false,
};

pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let Some(arguments) = Arguments::read(parser, &ACCEPTED)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    for need in needs::ALL {
        let state = if need.is_met() { "present" } else { "MISSING" };
        println!("{state}  {:<18} {} ({})", need.name, need.why, need.weight);
    }
    let missing = absent(|_| true);
    if arguments.has("dry-run") {
        for command in install::rehearse(&missing, Authority::probe()) {
            println!("would run: {command}");
        }
    } else {
        install::install(&missing, Authority::probe());
    }
    let left = absent(|_| true);
    for need in &left {
        println!("still missing: {} ({})", need.name, need.weight);
    }
    let failed = left.iter().any(|need| need.weight == Weight::Required);
    Ok(ExitCode::from(u8::from(failed)))
}

/// Installs what the tests need; prints nothing if all of it is installed.
///
/// # Errors
/// When something is still missing without which they fail. A missing need of one suite is not an error:
/// that suite reports itself as skipped.
pub(crate) fn for_tests() -> anyhow::Result<()> {
    install_all(|need| need.weight != Weight::Peer)
}

/// Installs what the benchmarks need, their peers with it.
///
/// # Errors
/// When something is still missing without which nothing is built. A missing peer is not an error: its
/// question is missed.
pub(crate) fn for_benches() -> anyhow::Result<()> {
    let of_tests = |need: &Need| matches!(need.weight, Weight::Suite(_));
    install_all(|need| !of_tests(need))
}

fn install_all(wanted: impl Fn(&Need) -> bool) -> anyhow::Result<()> {
    let missing = absent(&wanted);
    if missing.is_empty() {
        return Ok(());
    }
    install::install(&missing, Authority::probe());
    let left = absent(&wanted);
    for need in &left {
        eprintln!("missing: {}: {} ({})", need.name, need.why, need.weight);
    }
    if left.iter().any(|need| need.weight == Weight::Required) {
        bail!("required packages are missing; see `cargo xtask setup --dry-run`");
    }
    Ok(())
}

fn absent(wanted: impl Fn(&Need) -> bool) -> Vec<&'static Need> {
    let all = needs::ALL.iter();
    all.filter(|need| wanted(need) && !need.is_met()).collect()
}
