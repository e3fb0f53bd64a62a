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

/// What the libraries tell of, from warnings on or as `BACKSTOP_LOG` says, on standard error.
fn show_log() {
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::filter::LevelFilter;
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false);
    // Filters by module are only taken up by who asks for them: every run would pay for them.
    match EnvFilter::try_from_env("BACKSTOP_LOG") {
        Ok(filter) => log.with_env_filter(filter).init(),
        Err(_) => log.with_max_level(LevelFilter::ERROR).init(),
    }
}
