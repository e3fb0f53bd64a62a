//! The way from observations to sinks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use serde::Serialize;

use super::message::Alert;
use super::rules::AlertRules;
use super::sink::Sink;
use super::sink_worker::{SinkStatistics, SinkWorker};
use super::triage::Triage;
use backstop_core::error::{Error, Stage};
use backstop_core::monitor::{Observation, Observer};
use backstop_core::resource::Deadline;

/// Turns findings into alerts and delivers them, on its own thread. A handle that can be cloned:
/// one goes to the monitor as its observer.
///
/// # Guarantees
/// - A finding has one alert within an interval, unless it gets worse; suppressed changes are
///   counted in [`Alert::suppressed`], and the last alert eventually matches the state of the
///   finding.
/// - Memory is bounded however many findings there are; findings beyond the maximum are counted in
///   [`Alert::lost`].
/// - A sink that hangs does not delay the monitor, and delays other sinks by at most five seconds.
///
/// When the last handle is dropped, pending alerts are still delivered, but the drop waits for at
/// most half a second.
///
/// # Examples
/// ```
/// use backstop_service::alert::{Alerts, ChannelSink, EventSink};
///
/// let (sink, alerts_taken) = ChannelSink::bounded(100);
/// let alerts = Alerts::builder()
///     .sink("events", EventSink)
///     .sink("channel", sink)
///     .start()?;
/// let observer = alerts.clone();
/// # drop((observer, alerts_taken));
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[derive(Clone)]
pub struct Alerts(Arc<Inner>);

struct Inner {
    triage: Mutex<Triage>,
    /// Taken before the thread is waited for, which ends when all senders are gone.
    queue: Mutex<Option<Sender<Work>>>,
    workers: Arc<[SinkWorker]>,
    ended: Receiver<()>,
}

enum Work {
    Alert(Box<Alert>),
    Mark(Sender<()>),
}

/// Configures [`Alerts`].
#[must_use = "nothing is delivered until `start`"]
pub struct AlertBuilder {
    rules: AlertRules,
    workers: Vec<SinkWorker>,
    patience: Duration,
}

/// Statistics of the findings and alerts of one [`Alerts`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertStatistics {
    /// Findings that currently have an alert.
    pub findings: usize,
    /// Changes of findings that had no alert of their own.
    pub suppressed: u64,
    /// Changes of findings that were not and will not be reported.
    pub lost: u64,
    /// Statistics of the deliveries, by sink.
    pub sinks: Vec<SinkStatistics>,
}

/// How many alerts may wait for the sinks. Further ones wait as findings.
const QUEUE: usize = 256;
/// How long dropping the last handle waits for pending deliveries.
const LAST_PATIENCE: Duration = Duration::from_millis(500);

impl Alerts {
    /// Configures alerts.
    pub fn builder() -> AlertBuilder {
        AlertBuilder {
            rules: AlertRules::default(),
            workers: Vec::new(),
            patience: Duration::from_secs(5),
        }
    }

    /// Waits until everything decided so far was passed to the sinks. False if the deadline passed
    /// first.
    #[must_use]
    pub fn flush(&self, deadline: Deadline) -> bool {
        let (mark, marked) = bounded(1);
        let sender = self.0.queue.lock().clone();
        sender.is_some_and(|queue| {
            let sent = queue.send_deadline(Work::Mark(mark), deadline.instant());
            sent.is_ok() && marked.recv_deadline(deadline.instant()).is_ok()
        })
    }

    /// Statistics so far.
    #[must_use]
    pub fn statistics(&self) -> AlertStatistics {
        let triage = self.0.triage.lock();
        AlertStatistics {
            findings: triage.count(),
            suppressed: triage.suppressed(),
            lost: triage.lost(),
            sinks: self.0.workers.iter().map(SinkWorker::statistics).collect(),
        }
    }
}

impl AlertBuilder {
    /// When a finding becomes an alert, and how often.
    pub fn rules(mut self, rules: AlertRules) -> Self {
        self.rules = rules;
        self
    }

    /// Adds a sink, with a name for its statistics.
    pub fn sink(mut self, name: impl Into<String>, sink: impl Sink) -> Self {
        self.workers
            .push(SinkWorker::new(name.into(), Box::new(sink)));
        self
    }

    /// How long a sink may take for an alert before the alert counts as lost. Default: five
    /// seconds.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts the delivery thread.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(self) -> Result<Alerts, Error> {
        let (sender, work) = bounded(QUEUE);
        let (end, ended) = bounded(1);
        let workers: Arc<[SinkWorker]> = self.workers.into();
        let (own, patience) = (Arc::clone(&workers), self.patience);
        std::thread::Builder::new()
            .name("backstop-alerts".into())
            .spawn(move || {
                deliver(&work, &own, patience);
                // The receiver is gone if the last patience is over.
                let _ = end.send(());
            })
            .map_err(|error| {
                let what = "cannot start the thread that delivers alerts";
                Error::io(Stage::Configure, what, error)
            })?;
        Ok(Alerts(Arc::new(Inner {
            triage: Mutex::new(Triage::new(self.rules)),
            queue: Mutex::new(Some(sender)),
            workers,
            ended,
        })))
    }
}

fn deliver(work: &Receiver<Work>, workers: &[SinkWorker], patience: Duration) {
    for work in work {
        match work {
            Work::Alert(alert) => workers
                .iter()
                .for_each(|worker| worker.deliver(&alert, patience)),
            // The receiver is gone if the deadline passed.
            Work::Mark(mark) => drop(mark.send(())),
        }
    }
}

impl Observer for Alerts {
    /// Decides what to deliver; the sinks are called on another thread.
    fn observe(&mut self, observation: &Observation) {
        let mut triage = self.0.triage.lock();
        let queue = self.0.queue.lock();
        let Some(queue) = queue.as_ref() else {
            return;
        };
        // Other threads only take from the queue, or add a mark: one place is reserved for those.
        let room = (QUEUE - 1).saturating_sub(queue.len());
        for alert in triage.observe(observation, room) {
            if queue.try_send(Work::Alert(Box::new(alert))).is_err() {
                tracing::warn!("the alert queue is unexpectedly full");
                triage.lose(1);
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.queue.get_mut().take());
        // A sink that hangs has had its time: the thread ends later.
        let _ = self.ended.recv_timeout(LAST_PATIENCE);
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Alerts")
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AlertBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AlertBuilder")
            .field("rules", &self.rules)
            .field("sinks", &self.workers.len())
            .finish_non_exhaustive()
    }
}
