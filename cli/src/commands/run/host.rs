//! What this command brings to a run: a temp directory, reclaimers, and a place for the account.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::reclaim::Reclaimers;
use backstop_process::run::{Ending, Host, RunReport, Scratch, StartedTree};
use backstop_service::config::Settings;
use backstop_service::report::Account;
use serde::Serialize;

use super::fail_on::{self, FailOn};
use super::summary;
use super::watching::Watching;
use crate::composition;
use crate::exit::Failure;
use crate::output::Schema;

pub(super) struct CommandHost {
    pub(super) report: Option<PathBuf>,
    pub(super) fail_on: Vec<FailOn>,
    pub(super) quiet: bool,
    pub(super) json: bool,
    /// By which the command is watched for its report.
    pub(super) monitoring: Settings,
    /// How often it is looked at.
    pub(super) interval: Duration,
    /// In the supervisor, while the command runs.
    pub(super) watching: Mutex<Option<Watching>>,
}

/// What `--report` writes as JSON.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    run: &'a RunReport,
    /// What the command needed while it ran; none if the process that watched it was killed.
    watched: Option<&'a Account>,
}

/// The exit code of a run that took too long, as `timeout` gives it.
const TIMED_OUT: u8 = 124;

impl CommandHost {
    /// Refuses a report that could not be written at the end, before anything is started.
    pub(super) fn check_report(&self) -> Result<(), Failure> {
        let Some(path) = &self.report else {
            return Ok(());
        };
        if format_of(path).is_none() {
            return Err(Failure::usage(format!(
                "--report {}: the name must end in .json, .html, .md or .txt",
                path.display()
            )));
        }
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map(drop)
            .map_err(|error| Failure::usage(format!("--report {}: {error}", path.display())))
    }

    fn write_report(&self, path: &Path, report: &RunReport) -> Result<(), String> {
        let watching = self.watching.lock().ok().and_then(|mut held| held.take());
        let watched = watching.map(|watching| watching.finish(report)).transpose();
        let watched = watched.map_err(|error| error.chain())?;
        let text = match (format_of(path), &watched) {
            (Some(Format::Json), watched) => {
                let whole = Whole {
                    run: report,
                    watched: watched.as_ref(),
                };
                serde_json::to_vec_pretty(&Schema::of("run", &whole))
                    .map_err(|error| error.to_string())?
            }
            (Some(Format::Html), Some(account)) => account.to_html().into_bytes(),
            (Some(Format::Markdown), Some(account)) => account.to_markdown().into_bytes(),
            (Some(Format::Html | Format::Markdown), None) => {
                return Err("the command was not watched, so there is nothing to draw".into());
            }
            (_, watched) => {
                let mut text = summary::text(report, summary::Detail::All);
                if let Some(account) = watched {
                    text.push('\n');
                    text.push_str(&account.to_text());
                }
                text.into_bytes()
            }
        };
        std::fs::write(path, text).map_err(|error| error.to_string())
    }
}

enum Format {
    Json,
    Html,
    Markdown,
    Text,
}

fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "json" => Some(Format::Json),
        "html" | "htm" => Some(Format::Html),
        "md" => Some(Format::Markdown),
        "txt" => Some(Format::Text),
        _ => None,
    }
}

impl Host for CommandHost {
    fn open_scratch(&self, backstop: Backstop) -> Result<Box<dyn Scratch>, Error> {
        composition::open_scratch(backstop)
    }

    fn reclaimers(&self) -> Reclaimers {
        composition::reclaimers()
    }

    fn started(&self, backstop: Backstop, tree: &StartedTree) {
        if self.report.is_none() {
            return;
        }
        match Watching::begin(backstop, tree, &self.monitoring, self.interval) {
            Ok(watching) => {
                if let Ok(mut held) = self.watching.lock() {
                    *held = Some(watching);
                }
            }
            // The command goes on; its report then says what it left, and not what it needed.
            Err(error) => tracing::warn!(error = error.chain(), "the command is not watched"),
        }
    }

    fn finish(&self, report: &RunReport) -> u8 {
        let mut lines = String::new();
        let failed: Vec<&str> = self
            .fail_on
            .iter()
            .filter(|kind| kind.matches(report))
            .map(|kind| kind.name())
            .collect();
        if self.json {
            match serde_json::to_string(&Schema::of("run", report)) {
                Ok(json) => lines.push_str(&json),
                Err(error) => lines.push_str(&format!("backstop: no summary: {error}")),
            }
            lines.push('\n');
        } else if !self.quiet || matches!(report.ending, Ending::NotStarted { .. }) {
            lines.push_str(&summary::text(report, summary::Detail::Some));
            if !failed.is_empty() {
                lines.push_str(&format!("backstop: failed: left {}\n", failed.join(", ")));
            }
        }
        if let Some(path) = &self.report
            && let Err(error) = self.write_report(path, report)
        {
            lines.push_str(&format!("backstop: --report {}: {error}\n", path.display()));
        }
        // In one write, so that lines of the command do not come between; nobody reads it, nobody
        // misses it.
        let _ = std::io::stderr().lock().write_all(lines.as_bytes());
        match report.ending {
            _ if !failed.is_empty() => fail_on::CODE,
            Ending::Timeout { .. } => TIMED_OUT,
            _ => report.code,
        }
    }
}
