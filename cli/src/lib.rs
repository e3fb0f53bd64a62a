//! The command `backstop`: run a command and clean up everything it leaves behind; list, explain and
//! reclaim leftovers.
//!
//! It parses, composes the families behind features, and renders. What it does is in the libraries.
//! Its program is [`run`] and nothing else, so that tests and the fuzzer reach what it reads.
#![expect(clippy::print_stderr, reason = "the command speaks to people")]

mod arguments;
mod commands;
mod dispatch;
mod elsewhere;

mod composition;
mod exit;
mod output;
#[cfg(feature = "monitor")]
mod program;
mod settings;

use std::path::Path;

use backstop_core::text::printable;
use clap::Parser;

use arguments::Arguments;
use exit::{Exit, Failure};
use settings::Settings;

/// Runs what this process's command line asks for, and returns the exit code.
#[must_use]
pub fn run() -> i32 {
    let line: Vec<_> = std::env::args_os().collect();
    if let Some(result) = elsewhere::execute(&line) {
        return code_of(result);
    }
    let arguments = match Arguments::try_parse_from(&line) {
        Ok(arguments) => arguments,
        Err(error) => return answer(&line, error),
    };
    show_log();
    code_of(dispatch::execute(&arguments))
}

fn code_of(result: Result<Exit, Failure>) -> i32 {
    match result {
        Ok(exit) => exit.code(),
        Err(failure) => {
            eprintln!("error: {}", printable(failure.message()));
            failure.exit().code()
        }
    }
}

/// Prints help, the version, or what is wrong with the command line.
fn answer(line: &[std::ffi::OsString], error: clap::Error) -> i32 {
    // Only this pays for finding out which programs are installed.
    let command = elsewhere::with_installed(arguments::command());
    let error = match command.try_get_matches_from(line) {
        Err(error) => error,
        Ok(_) => error,
    };
    let _ = error.print();
    // Help and version are answers; the rest is wrong usage.
    if error.use_stderr() { Exit::USAGE } else { 0 }
}

/// Checks the text of a settings file, TOML or a JSON object: that it can be read, and that each value is
/// valid for its command. Reads no other source and does nothing.
///
/// # Errors
/// What the command would print: place and mistake.
pub fn check_settings(text: &str) -> Result<(), String> {
    let check = || {
        // By its first character, as there is no file name.
        let name = match text.trim_start().starts_with('{') {
            true => "backstop.json",
            false => "backstop.toml",
        };
        let settings = Settings::of_text(Path::new(name), text)?;
        for line in CHECKED_WITH {
            let line = ["backstop"].iter().chain(*line);
            let arguments = Arguments::try_parse_from(line).map_err(|error| Failure::of(&error))?;
            dispatch::check(&arguments, &settings)?;
        }
        Ok(())
    };
    check().map_err(|failure: Failure| failure.to_string())
}

/// The commands that settings belong to.
const CHECKED_WITH: &[&[&str]] = &[
    &["run", "--", "true"],
    &["sweep"],
    #[cfg(feature = "monitor")]
    &["watch", "1"],
    #[cfg(feature = "monitor")]
    &["report"],
    #[cfg(feature = "monitor")]
    &["history"],
];

/// Prints the libraries' log to standard error: errors, or the levels in `BACKSTOP_LOG` (`debug`, or
/// `backstop_core=debug,warn`).
fn show_log() {
    use std::io::IsTerminal;

    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // Filters by module are only set up when they are asked for: every run would pay for them. Those by
    // spans and fields would bring a library of regular expressions, a fifth of the program.
    let asked = std::env::var("BACKSTOP_LOG").ok();
    let asked = asked.as_deref().filter(|text| !text.is_empty());
    let targets = asked.and_then(|text| {
        let targets = text.parse::<Targets>();
        if targets.is_err() {
            eprintln!(
                "backstop: BACKSTOP_LOG: invalid filter `{}`: use a level (error, warn, info, debug, \
                 trace), or levels by module, e.g. backstop_core=debug,warn",
                printable(text)
            );
        }
        targets.ok()
    });
    match targets {
        Some(targets) => log
            .with_max_level(LevelFilter::TRACE)
            .finish()
            .with(targets)
            .init(),
        None => log.with_max_level(LevelFilter::ERROR).init(),
    }
}

/// The documents whose examples are compiled and run as doctests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/monitoring.md")]
    struct Monitoring;
    #[doc = include_str!("../../core/README.md")]
    struct Core;
    #[doc = include_str!("../../os/README.md")]
    struct Os;
    #[doc = include_str!("../../service/README.md")]
    struct Service;
    #[doc = include_str!("../../adapters-process/README.md")]
    struct Processes;
    #[doc = include_str!("../../adapters-tempfs/README.md")]
    struct TempFiles;
    #[doc = include_str!("../../testkit/README.md")]
    struct Testkit;
}
