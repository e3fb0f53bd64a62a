//! What was asked: the command line as it stands.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{check, completions, history, init, ps, report, run, sweep, watch, who};

/// Runs any program so that nothing it starts or leaves outlives it; shows, explains and reclaims what
/// is left.
#[derive(Debug, Parser)]
#[command(
    name = "backstop",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Reads settings from this file instead of the project's `backstop.toml` and the user's
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
    Watch(watch::WatchArguments),
    Check(check::CheckArguments),
    Report(report::ReportArguments),
    History(history::HistoryArguments),
    Init(init::InitArguments),
    Completions(completions::CompletionsArguments),
}

const EXAMPLES: &str = "Examples:
  backstop run -- pytest                 nothing that pytest starts or leaves outlives it
  backstop run --timeout 10m -- make     the same, for ten minutes at the most
  backstop ps                            what is open now, in every program with a ledger
  backstop who :8080                     who listens on a port
  backstop watch chromium --tree         what a running program takes, and what of it grows
  backstop sweep --dry-run --why         what a killed program left, and what would be done
  backstop report --since 7d -o week.html   charts of what a program needed, and what leaked

Exit codes: 0 fine, 1 findings, 2 wrong usage; of `run`, the command's own.";
