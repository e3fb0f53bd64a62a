//! `backstop check`: whether all is well, for cron and CI.

mod explain;
mod programs;

use std::path::PathBuf;
use std::time::Duration;

use backstop_service::report::{Health, HealthVerdict};
use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output;
use crate::settings::Settings;
use crate::span;

/// Tells whether all is well with the programs that are watched: for cron and CI
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckArguments {
    /// Looks at these only, by number or name [default: every program with a ledger or a history]
    #[arg(value_name = "PID|NAME")]
    targets: Vec<String>,

    /// The histories' directory [default: history.directory, else this user's]
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,

    /// Over how much of the history
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span::parse)]
    since: Duration,

    /// Counts what is unknown as failed
    #[arg(long)]
    strict: bool,

    /// Prints one JSON object
    #[arg(long)]
    json: bool,

    /// Shows each setting, its value, and where that comes from; looks at no program
    #[arg(long, conflicts_with_all = ["targets", "history", "strict"])]
    explain_config: bool,
}

const AFTER_HELP: &str = "\
Looked at: file descriptors (less than half of their limit), growth of memory (less than 10 MB an hour),
pools (no kind or site of resources grows without end), leaks (none open), releases (more than 99 %
succeed), readings (at least half are taken: if they cost more than their budget, what they would show is
unknown); and whether killed programs left something that nobody has swept.

Exit codes: 0 all is well, as far as is known; 1 something is not, or, with --strict, is unknown.";

/// What the command tells.
#[derive(Serialize)]
struct Checked {
    verdict: HealthVerdict,
    programs: Vec<Program>,
    /// What killed programs left in their ledgers.
    left_by_killed: u64,
    /// Files that should be ledgers or histories and cannot be read.
    unreadable: Vec<String>,
}

/// One program.
#[derive(Serialize)]
struct Program {
    name: String,
    pid: Option<i32>,
    #[serde(flatten)]
    health: Health,
}

impl CheckArguments {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<Exit, Failure> {
        // What is told wrong is told before anything else.
        let monitoring = settings.monitoring(&[])?;
        if self.explain_config {
            return explain::execute(settings, self.json);
        }
        let history = self
            .history
            .as_deref()
            .or_else(|| monitoring.history_directory());
        let mut checked = programs::look(&self.targets, history, self.since)?;
        checked.verdict = checked.judge(self.strict);
        if self.json {
            output::write_json("check", &checked)?;
        } else {
            checked.print()?;
        }
        Ok(match checked.verdict {
            HealthVerdict::Failed => Exit::FINDINGS,
            _ => Exit::FINE,
        })
    }
}

impl Checked {
    fn judge(&self, strict: bool) -> HealthVerdict {
        let programs = self.programs.iter().map(|program| program.health.verdict());
        let worst = programs.max().unwrap_or(HealthVerdict::Unknown);
        let is_failed = worst == HealthVerdict::Failed
            || self.left_by_killed > 0
            || (strict && worst == HealthVerdict::Unknown)
            || !self.unreadable.is_empty();
        match is_failed {
            true => HealthVerdict::Failed,
            false => worst,
        }
    }

    fn print(&self) -> std::io::Result<()> {
        let mut table = output::table(&["PROGRAM", "PID", "LOOKED AT", "VERDICT", "SEEN", "LIMIT"]);
        for program in &self.programs {
            for indicator in &program.health.indicators {
                table.add_row([
                    program.name.clone(),
                    program.pid.map_or("-".into(), |pid| pid.to_string()),
                    indicator.kind.to_string(),
                    indicator.verdict.to_string(),
                    indicator.seen.clone(),
                    indicator.limit.to_owned(),
                ]);
            }
        }
        if !self.programs.is_empty() {
            output::write_table(&table)?;
        }
        for unreadable in &self.unreadable {
            tell(&format!("cannot be read: {unreadable}"));
        }
        if self.left_by_killed > 0 {
            tell(&format!(
                "killed programs left {} resources: `backstop sweep --dry-run --why` tells which",
                self.left_by_killed
            ));
        }
        if self.programs.is_empty() {
            tell("no program has a ledger or a history: there is nothing to look at");
        } else {
            tell(match self.verdict {
                HealthVerdict::Well => "all is well",
                HealthVerdict::Unknown => "all that is known is well",
                HealthVerdict::Failed => "not all is well",
            });
        }
        Ok(())
    }
}

#[expect(clippy::print_stderr, reason = "standard output is for data only")]
fn tell(message: &str) {
    eprintln!("backstop: {message}");
}
