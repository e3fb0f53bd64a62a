//! The report of a run: the command is monitored while it runs, with a history of its own that is removed
//! with the run.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::monitor::Monitor;
use backstop_process::run::{RunReport, Scratch, StartedTree};
use backstop_service::config::Settings;
use backstop_service::history::{Event, EventKind, History, HistoryWriter};
use backstop_service::report::{Account, Machine, Request};
use jiff::Timestamp;
use serde::Serialize;

use super::summary::{self, Detail};
use crate::composition;
use crate::exit::Failure;
use crate::output::Schema;

/// Where a run's report is written to.
pub(super) struct ReportFile {
    path: PathBuf,
    settings: Settings,
    interval: Duration,
    /// In the supervisor, while the command runs.
    watching: Mutex<Option<Watching>>,
}

/// What is written as JSON.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    run: &'a RunReport,
    /// What the command used while it ran; none if the process that monitored it was killed.
    watched: Option<&'a Account>,
}

enum Format {
    Json,
    Html,
    Markdown,
    Text,
}

impl ReportFile {
    /// The default time between samples.
    const INTERVAL: Duration = Duration::from_secs(1);

    pub(super) fn new(path: PathBuf, settings: Settings, interval: Option<Duration>) -> Self {
        Self {
            path,
            settings,
            interval: interval.unwrap_or(Self::INTERVAL),
            watching: Mutex::new(None),
        }
    }

    /// Refuses a file that could not be written at the end, before anything is started.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let path = &self.path;
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

    /// Starts to monitor the command.
    pub(super) fn start(&self, backstop: Backstop, tree: &StartedTree) {
        match Watching::begin(backstop, tree, &self.settings, self.interval) {
            Ok(watching) => {
                if let Ok(mut held) = self.watching.lock() {
                    *held = Some(watching);
                }
            }
            // The command continues; its report then has what it left, and not what it used.
            Err(error) => tracing::warn!(error = error.chain(), "the command is not monitored"),
        }
    }

    /// Writes the report.
    pub(super) fn write(&self, report: &RunReport) -> Result<(), String> {
        self.render(report)
            .and_then(|text| std::fs::write(&self.path, text).map_err(|error| error.to_string()))
            .map_err(|error| format!("--report {}: {error}", self.path.display()))
    }

    fn render(&self, report: &RunReport) -> Result<Vec<u8>, String> {
        let watching = self.watching.lock().ok().and_then(|mut held| held.take());
        let watched = watching.map(|watching| watching.finish(report)).transpose();
        let watched = watched.map_err(|error| error.chain())?;
        Ok(match (format_of(&self.path), &watched) {
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
                return Err("the command was not monitored, so there is nothing to show".into());
            }
            (_, watched) => {
                let mut text = summary::text(report, Detail::All);
                if let Some(account) = watched {
                    text.push('\n');
                    text.push_str(&account.to_text());
                }
                text.into_bytes()
            }
        })
    }
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

/// A command that is monitored.
struct Watching {
    monitor: Monitor,
    writer: HistoryWriter,
    history: History,
    place: Box<dyn Scratch>,
}

impl Watching {
    fn begin(
        backstop: Backstop,
        tree: &StartedTree,
        settings: &Settings,
        interval: Duration,
    ) -> Result<Self, Error> {
        let place = composition::open_scratch(backstop)?;
        let history = History::at(place.path().join("history"));
        let writer = history.writer()?;
        let monitor = Monitor::builder()
            .interval(interval)
            .fastest(interval)
            .limits(settings.limits().clone())
            .observer(writer.clone());
        let monitor = match &tree.cgroup {
            Some(directory) => monitor.cgroup(directory),
            None => monitor.tree(tree.leader),
        };
        Ok(Self {
            monitor: monitor.start()?,
            writer,
            history,
            place,
        })
    }

    /// The report of the run, with its summary among the events. The history is removed.
    fn finish(self, report: &RunReport) -> Result<Account, Error> {
        let Self {
            monitor,
            writer,
            history,
            place,
        } = self;
        drop(monitor);
        for line in summary::text(report, Detail::All).lines() {
            writer.record(&Event {
                at: Timestamp::now(),
                kind: EventKind::Report,
                severity: None,
                text: line.trim_start_matches("backstop: ").to_owned(),
                data: serde_json::Value::Null,
            });
        }
        drop(writer);
        // From before the first sample: it was taken after the command began.
        let since = report.took + Duration::from_secs(1);
        let account = Account::of(&history, &Request::last(since));
        drop(place.release());
        account.map(|account| account.titled(report.command.clone()).on(Machine::read()))
    }
}
