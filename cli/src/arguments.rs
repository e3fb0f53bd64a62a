//! The command line as it was given.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

#[cfg(feature = "monitor")]
use crate::commands::{check, history, init, report, watch};
use crate::commands::{completions, ps, run, sweep, who};

/// Run a command and clean up everything it leaves behind; list, explain and reclaim leftovers
#[derive(Debug, Parser)]
#[command(
    name = "backstop",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Read settings from FILE instead of the project's `backstop.toml` and the user's
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::RunArguments),
    Ps(ps::PsArguments),
    Who(who::WhoArguments),
    Sweep(sweep::SweepArguments),
    #[cfg(feature = "monitor")]
    Watch(watch::WatchArguments),
    #[cfg(feature = "monitor")]
    Check(check::CheckArguments),
    #[cfg(feature = "monitor")]
    Report(report::ReportArguments),
    #[cfg(feature = "monitor")]
    History(history::HistoryArguments),
    #[cfg(feature = "monitor")]
    Init(init::InitArguments),
    Completions(completions::CompletionsArguments),
}

/// The commands of this build.
pub(crate) fn command() -> clap::Command {
    Arguments::command()
}

#[cfg(feature = "monitor")]
const AFTER_HELP: &str = "\
Examples:
  backstop run -- pytest                    run the tests and clean up what they leave
  backstop run --timeout 10m -- make        the same, terminated after ten minutes
  backstop ps                               list open resources
  backstop who :8080                        show which process listens on a port
  backstop watch chromium --tree            monitor a running program and its descendants
  backstop sweep --dry-run --why            explain what would be reclaimed
  backstop report --since 7d -o week.html   charts of memory, open files and leaks

Exit codes: 0 success, 1 findings, 2 errors; of `run`, the command's own.";

#[cfg(not(feature = "monitor"))]
const AFTER_HELP: &str = "\
Examples:
  backstop run -- pytest               run the tests and clean up what they leave
  backstop run --timeout 10m -- make   the same, terminated after ten minutes
  backstop ps                          list open resources
  backstop who :8080                   show which process listens on a port
  backstop sweep --dry-run --why       explain what would be reclaimed

Exit codes: 0 success, 1 findings, 2 errors; of `run`, the command's own.";
