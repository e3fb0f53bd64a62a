//! The parts that run with one set of settings.

use crossbeam_channel::Receiver;

use super::shared_sink::SharedSink;
use crate::alert::{
    Alert, AlertRules, Alerts, EventSink, FreeMemory, LogFiles, Remedies, RemedyRecord,
    RemedyRules, Rotation,
};
use crate::config::Settings;
use crate::history::{Event, EventKind, History, HistoryWriter};
use crate::schedule::{Scheduler, Timing};
use backstop_core::Backstop;
use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::monitor::{LedgerSample, Moment, Monitor, Observation};
use backstop_core::release::Release;
use backstop_core::resource::Bytes;

/// What does not change with the settings.
pub(super) struct Means {
    pub(super) backstop: Backstop,
    pub(super) sinks: Vec<(String, SharedSink)>,
    pub(super) rules: RemedyRules,
    pub(super) plan: FreeMemory,
    pub(super) own_heap: Option<fn() -> Bytes>,
}

/// All threads, in the order in which they end: those that observe before those that are notified.
pub(super) struct Running {
    pub(super) monitor: Monitor,
    pub(super) scheduler: Option<Scheduler>,
    pub(super) alerts: Alerts,
    pub(super) remedies: Remedies,
    log: Option<LogFiles>,
    pub(super) history: Option<OpenHistory>,
    pub(super) settings: Settings,
}

/// The parts that new settings may leave unchanged: they continue, because two of them would
/// conflict. A history has one writer, log files would rotate each other's files, and remedies
/// would not keep their intervals.
#[derive(Default)]
pub(super) struct Lasting {
    history: Option<OpenHistory>,
    log: Option<LogFiles>,
    remedies: Option<Remedies>,
}

/// A history that is being written.
#[derive(Clone)]
pub(super) struct OpenHistory {
    pub(super) writer: HistoryWriter,
}

impl Running {
    /// Starts monitoring, and reporting once `begun` is closed.
    pub(super) fn begin(
        means: &Means,
        settings: Settings,
        lasting: Lasting,
        begun: Receiver<()>,
    ) -> Result<Self, Error> {
        let history = match lasting.history {
            Some(open) => Some(open),
            None => OpenHistory::of(&settings)?,
        };
        let log = lasting.log.or_else(|| log_files(&settings));
        let remedies = match lasting.remedies {
            Some(remedies) => remedies,
            None => remedies(means, log.clone(), history.as_ref())?,
        };
        let alerts = alerts(means, &settings, &remedies, log.clone(), history.as_ref())?;
        let scheduler = scheduler(means.backstop, &settings, history.as_ref())?;
        let mut monitor = Monitor::builder()
            .backstop(means.backstop)
            .interval(settings.interval())
            .snapshots(settings.snapshots())
            .limits(settings.limits().clone())
            // Nothing is ever sent: it is closed once, for good.
            .observer(move |_: &Observation| {
                let _ = begun.recv();
            })
            .observer(alerts.clone());
        if let Some(handed_out) = means.own_heap {
            monitor = monitor.own_heap(handed_out);
        }
        if let Some(history) = &history {
            monitor = monitor.observer(history.writer.clone());
        }
        if settings.debug() {
            monitor = monitor.observer(log_sample);
        }
        let monitor = monitor.start()?;
        if let Some(history) = &history {
            // From here on nothing can fail.
            history.writer.keep(settings.keeping());
        }
        Ok(Self {
            monitor,
            scheduler,
            alerts,
            remedies,
            log,
            history,
            settings,
        })
    }

    /// The parts that continue with these settings.
    pub(super) fn lasting(&self, settings: &Settings) -> Lasting {
        let history_lasts = settings.history_directory() == self.settings.history_directory();
        let log_lasts = settings.log_directory() == self.settings.log_directory();
        Lasting {
            history: self.history.clone().filter(|_| history_lasts),
            log: self.log.clone().filter(|_| log_lasts),
            // They write to both.
            remedies: (history_lasts && log_lasts).then(|| self.remedies.clone()),
        }
    }

    /// Stops it. Its findings are cleared in a history that continues.
    pub(super) fn end(self) {
        let found = self.monitor.stop();
        if let Some(history) = self.history {
            history.writer.clear(found, Moment::now());
        }
    }
}

impl OpenHistory {
    fn of(settings: &Settings) -> Result<Option<Self>, Error> {
        let Some(directory) = settings.history_directory() else {
            return Ok(None);
        };
        let history = History::at(directory).keep(settings.keeping());
        Ok(Some(Self {
            writer: history.writer()?,
        }))
    }
}

fn log_files(settings: &Settings) -> Option<LogFiles> {
    let directory = settings.log_directory()?;
    Some(LogFiles::new(directory, Rotation::default()))
}

fn remedies(
    means: &Means,
    log: Option<LogFiles>,
    history: Option<&OpenHistory>,
) -> Result<Remedies, Error> {
    let mut builder = Remedies::builder(means.backstop)
        .rules(means.rules.clone())
        .free_memory(means.plan.clone());
    if let Some(log) = log {
        builder = builder.log(log);
    }
    if let Some(history) = history {
        let record = history.writer.recorder();
        builder = builder.recorder(move |remedy| record(&event_of_remedy(remedy)));
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
        let record = history.writer.recorder();
        builder = builder.sink("history", move |alert: &Alert| {
            record(&event_of_alert(alert));
        });
    }
    if settings.auto_cleanup() {
        builder = builder.sink("remedies", remedies.clone());
    }
    for (name, sink) in &means.sinks {
        builder = builder.sink(name.clone(), sink.clone());
    }
    builder.start()
}

fn scheduler(
    backstop: Backstop,
    settings: &Settings,
    history: Option<&OpenHistory>,
) -> Result<Option<Scheduler>, Error> {
    if !settings.auto_cleanup() {
        return Ok(None);
    }
    let interval = settings.cleanup_interval();
    let refuse = |error: crate::schedule::TimingError| {
        let what = error.to_string();
        Error::new(ErrorKind::Configuration, Stage::Configure, what)
    };
    // Programs that were started together do not clean up at the same time.
    let timing = Timing::every(interval)
        .and_then(|timing| timing.with_jitter(interval / 40))
        .map_err(refuse)?;
    let scheduler = Scheduler::start()?;
    let record = history.map(|history| history.writer.recorder());
    scheduler.add("policies", timing, move || {
        let releases = backstop.enforce();
        for release in &releases {
            tracing::info!(%release, cause = %release.cause, "released by its policy");
        }
        if let (Some(record), Some(event)) = (&record, event_of_releases(&releases)) {
            record(&event);
        }
    })?;
    Ok(Some(scheduler))
}

fn event_of_alert(alert: &Alert) -> Event {
    Event::new(EventKind::Alert, alert.to_string())
        .at(alert.at.time)
        .severity(alert.finding.severity)
}

fn event_of_remedy(record: &RemedyRecord) -> Event {
    let data = serde_json::to_value(record).unwrap_or_default();
    Event::new(EventKind::Remedy, record.to_string())
        .at(record.at)
        .data(data)
}

/// One line for all resources released by policies at once.
fn event_of_releases(releases: &[Release]) -> Option<Event> {
    let first = releases.first()?;
    let mut text = format!("by its policy: {first} ({})", first.cause);
    if releases.len() > 1 {
        text.push_str(&format!(", and {} more", releases.len() - 1));
    }
    Some(Event::new(EventKind::Release, text))
}

fn log_sample(observation: &Observation) {
    let process = &observation.sample.process;
    tracing::debug!(
        resident = process.resident.0,
        handles = process.handles,
        threads = process.threads,
        open = observation.sample.ledger.as_ref().map(LedgerSample::live),
        findings = observation.open.len(),
        "sampled"
    );
}
