//! Asks how fast Backstop is: each question with its peers in the same run.
//!
//! What it finds goes to standard output, one JSON object for each answer; what it is doing, to
//! standard error. `cargo xtask bench` builds it, runs it, and makes the table.
//!
//! `backstop-benches [--quick] [NAME…]`, or `backstop-benches --curves DIRECTORY [--most COUNT]`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that is read by another"
)]

mod answer;
mod curves;
mod measure;
mod peer;
mod psutil;
mod questions;
mod role;
mod sleepers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;
use backstop_core::reclaim::{Reclaimers, guardian};
use lexopt::prelude::*;

use measure::Effort;

fn main() -> anyhow::Result<ExitCode> {
    // First of all: this may be the guardian of an owner that a question kills.
    guardian::enter(Reclaimers::local);
    let line: Vec<String> = std::env::args().skip(1).collect();
    if let Some((word, role)) = line.split_first()
        && word == role::WORD
    {
        println!("{}", role::play(role)?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut effort = Effort::Full;
    let mut curves = None;
    let mut most = usize::MAX;
    let mut names = Vec::new();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("quick") => effort = Effort::Quick,
            Long("curves") => curves = Some(PathBuf::from(parser.value()?)),
            Long("most") => most = parser.value()?.parse()?,
            Value(name) => names.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some(directory) = curves {
        for line in curves::draw(&directory, most)? {
            println!("{line}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    for name in &names {
        if questions::ALL.iter().all(|question| question.name != name) {
            bail!("there is no question {name}");
        }
    }
    ask(effort, &names)
}

fn ask(effort: Effort, names: &[String]) -> anyhow::Result<ExitCode> {
    let mut failed = false;
    for question in questions::ALL {
        if !names.is_empty() && !names.iter().any(|name| name == question.name) {
            continue;
        }
        let start = Instant::now();
        match (question.ask)(effort) {
            Ok(answers) => {
                for answer in answers {
                    println!("{}", serde_json::to_string(&answer.with_its_peers())?);
                }
            }
            Err(error) => {
                failed = true;
                eprintln!("{}: {error:#}", question.name);
            }
        }
        let took = start.elapsed().as_secs_f64();
        eprintln!("{} took {took:.1} s", question.name);
    }
    Ok(ExitCode::from(u8::from(failed)))
}
