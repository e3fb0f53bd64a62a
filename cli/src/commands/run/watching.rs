//! Watching the command while it runs, for its report: a history of its own, in a place that goes with
//! the run.

use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::monitor::Monitor;
use backstop_process::run::{RunReport, Scratch, StartedTree};
use backstop_service::config::Settings;
use backstop_service::history::{Event, EventKind, History, HistoryWriter};
use backstop_service::report::{Account, Request};
use jiff::Timestamp;

use super::summary::{self, Detail};
use crate::composition;

/// A command that is watched.
pub(super) struct Watching {
    monitor: Monitor,
    writer: HistoryWriter,
    history: History,
    place: Box<dyn Scratch>,
}

impl Watching {
    pub(super) fn begin(
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

    /// What it came to, with the run's own account among its events. The history goes.
    pub(super) fn finish(self, report: &RunReport) -> Result<Account, Error> {
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
        let span = report.took + Duration::from_secs(1);
        let account = Account::of(&history, &Request::last(span));
        drop(place.release());
        account.map(|account| account.titled(report.command.clone()))
    }
}
