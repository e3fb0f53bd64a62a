//! The command `backstop`: runs any program so that nothing it starts or leaves outlives it; shows,
//! explains and reclaims what is left.
//!
//! It parses, composes the families behind features, and renders. What it does is in the libraries.
//! Its program is [`run`] and nothing else, so that tests and the fuzzer reach what it reads.
#![expect(clippy::print_stderr, reason = "the command speaks to people")]

mod arguments;
mod commands;

mod composition;
mod exit;
mod output;
mod settings;
mod span;

use clap::Parser;

use arguments::Arguments;
use exit::Exit;

pub use settings::check_text as check_settings;

/// Does what this process's command line asks, and gives the exit code.
#[must_use]
pub fn run() -> i32 {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            // Help and version are answers; the rest is wrong usage.
            return if error.use_stderr() { Exit::USAGE } else { 0 };
        }
    };
    show_log();
    match commands::execute(&arguments) {
        Ok(exit) => exit.code(),
        Err(failure) => {
            eprintln!("backstop: {}", failure.message());
            failure.exit().code()
        }
    }
}

/// What the libraries tell of, errors or as `BACKSTOP_LOG` says (`debug`, or `backstop_core=debug,warn`),
/// on standard error.
fn show_log() {
    use std::io::IsTerminal;

    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // Filters by module are only taken up by who asks for them: every run would pay for them. Those by
    // spans and fields would bring a library of regular expressions, a fifth of the program.
    let asked = std::env::var("BACKSTOP_LOG").ok();
    match asked.and_then(|text| text.parse::<Targets>().ok()) {
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
