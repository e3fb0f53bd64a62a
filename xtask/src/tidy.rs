//! `cargo xtask tidy`: the architecture's rules as checks.
//!
//! Takes the [`tree`] of files and cargo's metadata of the workspace; each check returns offences.
//! The checks are pure: they run on a made-up tree in their own tests.

mod markdown;
mod offence;
mod source;
mod tree;

mod decisions;
mod doc_paths;
mod file_shape;
mod guarantees;
mod layering;
mod leftovers;
mod manifests;
mod module_order;
mod type_names;
mod unsafe_door;
mod wording;

use std::process::ExitCode;

use crate::arguments::{Accepted, Arguments};
use crate::workspace::Workspace;
use offence::{Offence, Severity};
pub(crate) use tree::Tree;

const HELP: &str = "\
Checks the architecture's rules.

Usage: cargo xtask tidy

  layering       which package may depend on which, from a positive list
  manifests      every member takes the lint table, has a description and a license
  unsafe-door    unsafe code stands behind its doors only
  module-order   a module of core imports only from earlier ones
  file-shape     files stay small and have names that say something
  type-names     no public type is called Manager, Helper or Utils
  leftovers      no todo!, dbg!, println!, ignored test in a library
  doc-paths      documents name only files that exist
  decisions      decisions are numbered, each number once
  wording        texts for people are plain English, without the worst words
  guarantees     every promise names functions that are tests

Each message names the place and the rule. Warnings do not fail.";

const ACCEPTED: Accepted = Accepted {
    flags: &[],
    options: &[],
    names: false,
    passed_on: false,
};

pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let Some(_) = Arguments::read(parser, &ACCEPTED)? else {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let passed = check(&Workspace::load()?)?;
    Ok(ExitCode::from(u8::from(!passed)))
}

/// Runs all checks, prints the offences, and returns whether the workspace passes.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<bool> {
    let tree = Tree::read(&workspace.root)?;
    let mut offences = layering::check(&workspace.members);
    let checks: &[fn(&Tree) -> Vec<Offence>] = &[
        manifests::check,
        unsafe_door::check,
        module_order::check,
        file_shape::check,
        type_names::check,
        leftovers::check,
        doc_paths::check,
        decisions::check,
        guarantees::check,
        wording::check,
    ];
    offences.extend(checks.iter().flat_map(|check| check(&tree)));
    offences.sort();
    for offence in &offences {
        println!("{offence}");
    }
    let failures = offences
        .iter()
        .filter(|offence| offence.severity == Severity::Fails);
    let failures = failures.count();
    let warnings = offences.len() - failures;
    println!(
        "tidy: {} files, {failures} failures, {warnings} warnings",
        tree.len()
    );
    Ok(failures == 0)
}
