//! What this command brings to a run: a temp directory, reclaimers, and a place for the account.

use std::io::Write;
use std::path::{Path, PathBuf};

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::reclaim::Reclaimers;
use backstop_process::run::{Ending, Host, RunReport, Scratch};

use super::fail_on::{self, FailOn};
use super::summary;
use crate::composition;
use crate::exit::Failure;
use crate::output::Schema;

pub(super) struct CommandHost {
    pub(super) report: Option<PathBuf>,
    pub(super) fail_on: Vec<FailOn>,
    pub(super) quiet: bool,
    pub(super) json: bool,
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
                "--report {}: the name must end in .json or .txt",
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

    fn write_report(&self, path: &Path, report: &RunReport) -> std::io::Result<()> {
        let text = match format_of(path) {
            Some(Format::Json) => serde_json::to_vec_pretty(&Schema::of("run", report))?,
            _ => summary::text(report, summary::Detail::All).into_bytes(),
        };
        std::fs::write(path, text)
    }
}

enum Format {
    Json,
    Text,
}

fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "json" => Some(Format::Json),
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
