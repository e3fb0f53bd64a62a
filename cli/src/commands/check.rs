//! `backstop check`: the health of programs, for cron and CI.

mod explain;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_core::text::counted;
use backstop_service::history::History;
use backstop_service::report::{CheckTarget, Checkup, HealthVerdict, Machine};
use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, add_row, note};
use crate::program;
use crate::settings::{self, Settings};

/// Check the health of monitored programs
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckArguments {
    /// Programs to check [default: every program with a ledger or a history]
    #[arg(value_name = "PID|NAME")]
    targets: Vec<String>,

    /// Directory of histories [default: history.directory, else the user's]
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,

    /// How far back to read the history
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = settings::positive_duration)]
    since: Duration,

    /// Treat unknown results as failures
    #[arg(long)]
    strict: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Show each setting, its value and its origin, without checking programs
    #[arg(long, conflicts_with_all = ["targets", "history", "strict"])]
    explain_config: bool,
}

const AFTER_HELP: &str = "\
Checks: handles (open files below half of their limit), growth (memory grows by less than 10 MB
per hour), pools (no kind or site of resources keeps growing), leaks (none open), releases (more
than 99 % succeed), readings (at least half are taken: if they cost more than their budget, what
they would show is unknown); and that killed programs left no resources.

Exit codes: 0 healthy; 1 unhealthy, or, with --strict, unknown; 2 errors.";

/// What the command prints as JSON.
#[derive(Serialize)]
struct Checked<'a> {
    verdict: HealthVerdict,
    #[serde(flatten)]
    checkup: &'a Checkup,
    machine: &'a Machine,
}

impl CheckArguments {
    pub(crate) fn execute(&self, settings: &Settings) -> Result<Exit, Failure> {
        // A wrong setting is an error before anything is checked.
        let monitoring = settings.monitoring(&[])?;
        if self.explain_config {
            return explain::execute(settings, self.json);
        }
        let histories = match self.history.as_deref() {
            Some(directory) => Some(directory.to_owned()),
            None => match monitoring.history_directory() {
                Some(directory) => Some(directory.to_owned()),
                None => History::home().ok(),
            },
        };
        let checkup = self.checkup(histories.as_deref())?;
        let verdict = checkup.verdict(self.strict);
        let machine = Machine::read();
        if self.json {
            let checked = Checked {
                verdict,
                checkup: &checkup,
                machine: &machine,
            };
            output::write_json("check", &checked)?;
        } else {
            print(&checkup, verdict, &machine)?;
        }
        Ok(match verdict {
            HealthVerdict::Failed => Exit::FINDINGS,
            _ => Exit::FINE,
        })
    }

    /// Checks the programs that are named, or all.
    fn checkup(&self, histories: Option<&Path>) -> Result<Checkup, Failure> {
        if self.targets.is_empty() {
            return Ok(Checkup::of_all(histories, self.since));
        }
        let has_history = |name: &String| histories.is_some_and(|home| home.join(name).is_dir());
        let target = |name: &String| {
            let pid = match program::find(name) {
                Ok(pid) => Some(pid),
                // It may have exited, and has a history.
                Err(_) if has_history(name) => None,
                Err(failure) => return Err(failure),
            };
            let name = name.clone();
            Ok(CheckTarget { name, pid })
        };
        let targets: Result<Vec<_>, _> = self.targets.iter().map(target).collect();
        Ok(Checkup::of(&targets?, histories, self.since))
    }
}

fn print(checkup: &Checkup, verdict: HealthVerdict, machine: &Machine) -> std::io::Result<()> {
    let mut table = output::table(&["PROGRAM", "PID", "CHECK", "RESULT", "VALUE", "LIMIT"]);
    for program in &checkup.programs {
        for indicator in &program.health.indicators {
            let cells = [
                program.name.clone(),
                program.pid.map_or("-".into(), |pid| pid.to_string()),
                indicator.kind.to_string(),
                indicator.verdict.to_string(),
                indicator.seen.clone(),
                indicator.limit.to_owned(),
            ];
            add_row(&mut table, cells);
        }
    }
    if !checkup.programs.is_empty() {
        output::write_table(&table)?;
        note_suggestions(checkup);
    }
    for unreadable in &checkup.unreadable {
        note(&format!("cannot be read: {unreadable}"));
    }
    if checkup.left_by_killed > 0 {
        let resources = counted(checkup.left_by_killed, "resource", "resources");
        note(&format!(
            "killed programs left {resources}: run `backstop sweep --dry-run --why` to see which"
        ));
    }
    let lines = machine.lines().into_iter();
    let lines = lines.map(|(name, value)| format!("{}: {value}", name.to_lowercase()));
    note(&lines.collect::<Vec<_>>().join("; "));
    note(match verdict {
        HealthVerdict::Failed => "unhealthy",
        _ if checkup.programs.is_empty() => "nothing to check: no ledger and no history found",
        HealthVerdict::Unknown => "healthy (some checks unknown)",
        HealthVerdict::Well => "healthy",
    });
    Ok(())
}

/// A leak of a site that keeps growing is in two rows, with the same suggestion.
fn note_suggestions(checkup: &Checkup) {
    let mut noted = BTreeSet::new();
    for program in &checkup.programs {
        for indicator in &program.health.indicators {
            for suggestion in &indicator.suggestions {
                let line = format!("{}: suggestion: {suggestion}", program.name);
                if noted.insert(line.clone()) {
                    note(&line);
                }
            }
        }
    }
}
