//! What this command brings to a run: a temp directory, reclaimers, the summary and the report.

use std::io::Write;

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::reclaim::Reclaimers;
use backstop_core::text::printable;
use backstop_process::run::{Ending, Host, RunReport, Scratch, StartedTree};

use super::fail_on::{self, FailOn};
#[cfg(feature = "monitor")]
use super::report_file::ReportFile;
use super::summary;
use crate::composition;
use crate::exit::Failure;
use crate::output::Schema;

pub(super) struct CommandHost {
    #[cfg(feature = "monitor")]
    pub(super) report: Option<ReportFile>,
    #[cfg(not(feature = "monitor"))]
    pub(super) report: Option<NoReport>,
    pub(super) fail_on: Vec<FailOn>,
    pub(super) quiet: bool,
    pub(super) json: bool,
}

/// A report in a build that can write none.
#[cfg(not(feature = "monitor"))]
pub(super) enum NoReport {}

#[cfg(not(feature = "monitor"))]
impl NoReport {
    fn check(&self) -> Result<(), Failure> {
        match *self {}
    }

    fn start(&self, _: Backstop, _: &StartedTree) {
        match *self {}
    }

    fn write(&self, _: &RunReport) -> Result<(), String> {
        match *self {}
    }
}

/// The exit code of a run that timed out, as of `timeout`.
const TIMED_OUT: u8 = 124;

impl CommandHost {
    /// Refuses a report that could not be written at the end, before anything is started.
    pub(super) fn check_report(&self) -> Result<(), Failure> {
        match &self.report {
            Some(report) => report.check(),
            None => Ok(()),
        }
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
        if let Some(report) = &self.report {
            report.start(backstop, tree);
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
        } else if !self.quiet || matches!(report.ending, Ending::SpawnError { .. }) {
            lines.push_str(&summary::text(report, summary::Detail::Some));
            if !failed.is_empty() {
                lines.push_str(&format!("backstop: failed: left {}\n", failed.join(", ")));
            }
        }
        if let Some(file) = &self.report
            && let Err(error) = file.write(report)
        {
            lines.push_str(&format!("error: {}\n", printable(&error)));
        }
        // In one write, so that no lines of the command come between; if that fails, there is no reader.
        let _ = std::io::stderr().lock().write_all(lines.as_bytes());
        match report.ending {
            _ if !failed.is_empty() => fail_on::CODE,
            Ending::Timeout { .. } => TIMED_OUT,
            _ => report.code,
        }
    }
}
