//! What runs by one set of settings.

use std::num::NonZeroU32;
use std::path::PathBuf;

use super::shared_sink::SharedSink;
use crate::Backstop;
use crate::alert::{
    Alert, AlertRules, Alerts, EventSink, FreeMemory, LogFiles, Remedies, RemedyRules, Rotation,
};
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Stage};
use crate::monitor::{Monitor, Observation};
use crate::release::{BacktraceSampling, Scheduler, Timing};
use crate::report::{Event, EventKind, History, HistoryWriter, Keeping};

/// What does not change with the settings.
pub(super) struct Means {
    pub(super) backstop: Backstop,
    pub(super) sinks: Vec<(String, SharedSink)>,
    pub(super) rules: RemedyRules,
    pub(super) plan: FreeMemory,
}

/// All threads, in the order in which they end: who looks before who is told.
pub(super) struct Running {
    pub(super) monitor: Monitor,
    pub(super) scheduler: Option<Scheduler>,
    pub(super) alerts: Alerts,
    pub(super) remedies: Remedies,
    pub(super) history: Option<OpenHistory>,
    pub(super) settings: Settings,
}

/// A history that is being written.
#[derive(Clone)]
pub(super) struct OpenHistory {
    directory: PathBuf,
    keeping: Keeping,
    pub(super) writer: HistoryWriter,
}

/// One resource in so many has its backtrace kept.
const BACKTRACE_EVERY: u32 = 128;

impl Running {
    pub(super) fn begin(
        means: &Means,
        settings: Settings,
        history: Option<OpenHistory>,
    ) -> Result<Self, Error> {
        let history = match history {
            Some(open) => Some(open),
            None => OpenHistory::of(&settings)?,
        };
        let log = settings
            .log_directory()
            .map(|directory| LogFiles::new(directory, Rotation::default()));
        let remedies = remedies(means, log.clone())?;
        let alerts = alerts(means, &settings, &remedies, log, history.as_ref())?;
        let scheduler = scheduler(means.backstop, &settings)?;
        let every = if settings.debug() { 1 } else { BACKTRACE_EVERY };
        if let Some(every) = NonZeroU32::new(every) {
            BacktraceSampling::on(every);
        }
        let mut monitor = Monitor::builder()
            .backstop(means.backstop)
            .interval(settings.interval())
            .snapshots(settings.snapshots())
            .limits(settings.limits().clone())
            .observer(alerts.clone());
        if let Some(history) = &history {
            monitor = monitor.observer(history.writer.clone());
        }
        if settings.debug() {
            monitor = monitor.observer(log_sample);
        }
        Ok(Self {
            monitor: monitor.start()?,
            scheduler,
            alerts,
            remedies,
            history,
            settings,
        })
    }
}

impl OpenHistory {
    fn of(settings: &Settings) -> Result<Option<Self>, Error> {
        let Some(directory) = settings.history_directory() else {
            return Ok(None);
        };
        let keeping = settings.keeping();
        let history = History::at(directory).keep(keeping);
        Ok(Some(Self {
            directory: directory.to_owned(),
            keeping,
            writer: history.writer()?,
        }))
    }

    /// Whether these settings want the same.
    pub(super) fn serves(&self, settings: &Settings) -> bool {
        settings.history_directory() == Some(self.directory.as_path())
            && settings.keeping() == self.keeping
    }
}

fn remedies(means: &Means, log: Option<LogFiles>) -> Result<Remedies, Error> {
    let mut builder = Remedies::builder(means.backstop)
        .rules(means.rules.clone())
        .free_memory(means.plan.clone());
    if let Some(log) = log {
        builder = builder.log(log);
    }
    builder.start()
}

fn alerts(
    means: &Means,
    settings: &Settings,
    remedies: &Remedies,
    log: Option<LogFiles>,
    history: Option<&OpenHistory>,
) -> Result<Alerts, Error> {
    let mut builder = Alerts::builder()
        .rules(AlertRules::default().with_interval(settings.throttle()))
        .sink("events", EventSink);
    if let Some(log) = log {
        builder = builder.sink("log files", log);
    }
    if let Some(history) = history {
        let writer = history.writer.clone();
        builder = builder.sink("history", move |alert: &Alert| writer.record(&event(alert)));
    }
    if settings.auto_cleanup() {
        builder = builder.sink("remedies", remedies.clone());
    }
    for (name, sink) in &means.sinks {
        builder = builder.sink(name.clone(), sink.clone());
    }
    builder.start()
}

fn scheduler(backstop: Backstop, settings: &Settings) -> Result<Option<Scheduler>, Error> {
    if !settings.auto_cleanup() {
        return Ok(None);
    }
    let interval = settings.cleanup_interval();
    let refuse = |error: crate::release::TimingError| {
        let what = error.to_string();
        Error::new(ErrorKind::Configuration, Stage::Configure, what)
    };
    // Programs that were started together do not clean up together.
    let timing = Timing::every(interval)
        .and_then(|timing| timing.with_jitter(interval / 40))
        .map_err(refuse)?;
    let scheduler = Scheduler::start()?;
    scheduler.add("policies", timing, move || {
        for release in backstop.enforce() {
            tracing::info!(%release, cause = %release.cause, "released by its policy");
        }
    })?;
    Ok(Some(scheduler))
}

fn event(alert: &Alert) -> Event {
    Event {
        at: alert.at.time,
        kind: EventKind::Alert,
        severity: Some(alert.finding.severity),
        text: alert.to_string(),
        data: serde_json::Value::Null,
    }
}

fn log_sample(observation: &Observation) {
    let process = &observation.sample.process;
    tracing::debug!(
        resident = process.resident.0,
        handles = process.handles,
        threads = process.threads,
        open = observation
            .sample
            .ledger
            .as_ref()
            .map(crate::monitor::LedgerSample::live),
        findings = observation.open.len(),
        "sampled"
    );
}
