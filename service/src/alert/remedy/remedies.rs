//! Runs remedies on its own thread, one at a time, and records the results.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;

use super::Remedy;
use super::account::UsageSnapshot;
use super::act::Means;
use super::free_memory::FreeMemory;
use super::rate_limit::RateLimit;
use super::record::{RemedyRecord, RemedyRefused, RemedyRehearsal, RemedyTrigger};
use super::rules::RemedyRules;
use crate::alert::log_files::{LogFile, LogFiles};
use crate::alert::message::{Alert, Transition};
use crate::alert::sink::Sink;
use backstop_core::error::{Error, ErrorKind, Stage as Doing};
use backstop_core::release::Caches;
use backstop_core::release::{Backstop, Clock, shutdown, within};
use backstop_core::resource::{Deadline, Footprint};

/// Acts on alerts, or on request. A handle that can be cloned: one goes to the alerts as a sink.
///
/// # Guarantees
/// - Everything runs on threads of Backstop's own, one remedy at a time. One that is requested
///   while another runs, possibly by it, is refused.
/// - Each remedy waits for an interval after it acted, whatever requests it.
/// - Each one that acted is recorded with the usage before and after; the last 256 records are kept
///   and earlier ones counted.
/// - A step that fails, panics or hangs is named, and the following steps are run.
///
/// When the last handle is dropped, the thread ends after the alerts already queued.
///
/// # Examples
/// ```
/// use backstop_core::Backstop;
/// use backstop_service::alert::{Alerts, Remedies, Remedy};
///
/// let remedies = Remedies::builder(Backstop::global()).start()?;
/// let alerts = Alerts::builder().sink("remedies", remedies.clone()).start()?;
/// println!("{:#?}", remedies.rehearse(Remedy::ReleaseAll));
/// # drop(alerts);
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[derive(Clone)]
pub struct Remedies {
    core: Arc<Core>,
    triggers: Sender<Trigger>,
}

struct Core {
    rules: RemedyRules,
    means: Means,
    clock: Clock,
    log: Option<LogFiles>,
    recorder: Option<Recorder>,
    /// Locked while a remedy runs.
    acting: Mutex<()>,
    limit: Mutex<RateLimit>,
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    last: VecDeque<RemedyRecord>,
    acted: u64,
    refused: u64,
    log_failures: u64,
    dropped: u64,
    triggers_dropped: u64,
}

/// An additional receiver of each record.
type Recorder = Box<dyn Fn(&RemedyRecord) + Send + Sync>;

/// An alert, as far as remedies use it.
type Trigger = Box<Alert>;

/// Configures [`Remedies`].
#[must_use = "nothing acts until `start`"]
pub struct RemediesBuilder {
    rules: RemedyRules,
    means: Means,
    clock: Clock,
    log: Option<LogFiles>,
    recorder: Option<Recorder>,
}

/// How often remedies acted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RemedyStatistics {
    /// Acts.
    pub acted: u64,
    /// Requests that were refused: it had to wait, or another was running.
    pub refused: u64,
    /// Records dropped from the bounded list.
    pub dropped: u64,
    /// Alerts that were ignored, because too many were queued.
    pub alerts_dropped: u64,
    /// Records that could not be written to the log files.
    pub log_failures: u64,
}

/// How many records are kept.
const KEPT: usize = 256;
/// How many alerts may wait for their remedies: later ones would find the remedies waiting anyway.
const WAITING: usize = 16;
/// How long the alerts' own thread waits for a remedy that was requested elsewhere.
const OTHERS_PATIENCE: Duration = Duration::from_secs(60);
/// Each step has its own limit; this is for the sum of all.
const WHOLE_PATIENCE: Duration = Duration::from_secs(600);

impl Remedies {
    /// Configures remedies for the resources of a backstop.
    pub fn builder(backstop: Backstop) -> RemediesBuilder {
        RemediesBuilder {
            rules: RemedyRules::default(),
            means: Means {
                backstop,
                caches: Caches::global(),
                plan: FreeMemory::default(),
                stop: Arc::new(shutdown::request),
                patience: Duration::from_secs(10),
            },
            clock: Clock::system(),
            log: None,
            recorder: None,
        }
    }

    /// Runs it now, on a thread with a time limit, and waits for it.
    ///
    /// # Errors
    /// It must wait, another remedy is running, or it has no result.
    pub fn run(&self, remedy: Remedy) -> Result<RemedyRecord, RemedyRefused> {
        let core = Arc::clone(&self.core);
        within(Deadline::after(WHOLE_PATIENCE), move || {
            let Some(_acting) = core.acting.try_lock() else {
                return Err(core.refuse(RemedyRefused::Busy));
            };
            core.act(remedy, RemedyTrigger::Asked)
        })
        .unwrap_or_else(|error| Err(RemedyRefused::NoAccount(error.to_string())))
    }

    /// Lists what a remedy would do now, without doing it.
    #[must_use]
    pub fn rehearse(&self, remedy: Remedy) -> RemedyRehearsal {
        let core = &self.core;
        let interval = core.rules.interval(remedy);
        let now = core.clock.now();
        let mut rehearsal = RemedyRehearsal {
            remedy: remedy.to_string(),
            rests: core.limit.lock().rest(remedy.name(), interval, now),
            acts: Vec::new(),
            others: 0,
            footprint: Footprint::default(),
        };
        core.means.rehearse(remedy, &mut rehearsal);
        rehearsal
    }

    /// The last records, oldest first: at most 256.
    #[must_use]
    pub fn records(&self) -> Vec<RemedyRecord> {
        self.core.records.lock().last.iter().cloned().collect()
    }

    /// How often remedies acted so far.
    #[must_use]
    pub fn statistics(&self) -> RemedyStatistics {
        let records = self.core.records.lock();
        RemedyStatistics {
            acted: records.acted,
            refused: records.refused,
            dropped: records.dropped,
            alerts_dropped: records.triggers_dropped,
            log_failures: records.log_failures,
        }
    }
}

impl RemediesBuilder {
    /// Which remedies an alert triggers, and how often each may act.
    pub fn rules(mut self, rules: RemedyRules) -> Self {
        self.rules = rules;
        self
    }

    /// The caches that may be shrunk. Default: those of [`Caches::global`].
    pub fn caches(mut self, caches: Caches) -> Self {
        self.means.caches = caches;
        self
    }

    /// The plan to free memory. Default: shrink the caches, trim.
    pub fn free_memory(mut self, plan: FreeMemory) -> Self {
        self.means.plan = plan;
        self
    }

    /// How the program is asked to terminate. Default: SIGTERM to itself, see
    /// [`shutdown::request`].
    pub fn stop(mut self, stop: impl Fn() -> Result<(), Error> + Send + Sync + 'static) -> Self {
        self.means.stop = Arc::new(stop);
        self
    }

    /// The time limit of one step. Default: ten seconds.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.means.patience = patience;
        self
    }

    /// The clock for the intervals of remedies. Default: the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Writes each record to log files.
    pub fn log(mut self, files: LogFiles) -> Self {
        self.log = Some(files);
        self
    }

    /// Passes each record to this function too, such as a history's, on the thread that acted.
    pub fn recorder(mut self, take: impl Fn(&RemedyRecord) + Send + Sync + 'static) -> Self {
        self.recorder = Some(Box::new(take));
        self
    }

    /// Starts the thread that acts on alerts.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(self) -> Result<Remedies, Error> {
        let core = Arc::new(Core {
            rules: self.rules,
            means: self.means,
            clock: self.clock,
            log: self.log,
            recorder: self.recorder,
            acting: Mutex::default(),
            limit: Mutex::default(),
            records: Mutex::default(),
        });
        let (triggers, alerts) = bounded(WAITING);
        let own = Arc::clone(&core);
        std::thread::Builder::new()
            .name("backstop-remedy".into())
            .spawn(move || own.answer(&alerts))
            .map_err(|error| {
                let what = "cannot start the thread that acts on alerts";
                Error::io(Doing::Configure, what, error)
            })?;
        Ok(Remedies { core, triggers })
    }
}

impl Sink for Remedies {
    /// Runs the remedies of its level, unless the alert eases or is resolved. A reminder runs them
    /// again.
    fn deliver(&mut self, alert: &Alert) -> Result<(), Error> {
        if matches!(alert.transition, Transition::Eased | Transition::Resolved) {
            return Ok(());
        }
        let sent = self.triggers.try_send(Box::new(alert.clone()));
        sent.map_err(|error| {
            self.core.records.lock().triggers_dropped += 1;
            let what = match error {
                TrySendError::Full(_) => "too many alerts are waiting for their remedies",
                TrySendError::Disconnected(_) => "the thread that acts on alerts has ended",
            };
            Error::new(ErrorKind::Limit, Doing::Use, what)
        })
    }
}

impl Core {
    /// Runs until all senders of alerts are gone.
    fn answer(&self, alerts: &Receiver<Trigger>) {
        for alert in alerts {
            let kind = alert.finding.kind;
            for remedy in self
                .rules
                .of(alert.level)
                .iter()
                .filter(|one| one.helps(kind))
            {
                let acting = self.acting.try_lock_for(OTHERS_PATIENCE);
                if acting.is_none() {
                    self.refuse(RemedyRefused::Busy);
                    continue;
                }
                let trigger = RemedyTrigger::Alert {
                    level: alert.level,
                    kind,
                    subject: alert.finding.subject.to_string(),
                };
                if let Err(refused) = self.act(*remedy, trigger) {
                    tracing::debug!(%remedy, %refused, "a remedy did not act");
                }
            }
        }
    }

    /// Runs it, unless it must wait. The caller holds `acting`.
    fn act(&self, remedy: Remedy, trigger: RemedyTrigger) -> Result<RemedyRecord, RemedyRefused> {
        let (interval, now) = (self.rules.interval(remedy), self.clock.now());
        let admitted = self.limit.lock().admit(remedy.name(), interval, now);
        admitted.map_err(|rest| self.refuse(RemedyRefused::Resting(rest)))?;
        let (at, start) = (Timestamp::now(), Instant::now());
        let before = UsageSnapshot::of(&self.means.backstop);
        let steps = self.means.act(remedy);
        let after = UsageSnapshot::of(&self.means.backstop);
        let record = RemedyRecord {
            serial: 0,
            remedy: remedy.to_string(),
            trigger,
            at,
            before,
            after,
            took: start.elapsed(),
            steps,
        };
        Ok(self.keep(record))
    }

    fn keep(&self, mut record: RemedyRecord) -> RemedyRecord {
        {
            let mut records = self.records.lock();
            records.acted += 1;
            record.serial = records.acted;
            if records.last.len() >= KEPT {
                records.last.pop_front();
                records.dropped += 1;
            }
            records.last.push_back(record.clone());
        }
        tracing::info!(target: "backstop::remedy", "{record}");
        if let Some(take) = &self.recorder {
            take(&record);
        }
        if let Some(log) = &self.log {
            let files = [LogFile::Main, LogFile::Performance];
            if let Err(error) = log.write(&files, record.at, &record.to_string()) {
                tracing::debug!(error = error.chain(), "a remedy could not be logged");
                self.records.lock().log_failures += 1;
            }
        }
        record
    }

    fn refuse(&self, refused: RemedyRefused) -> RemedyRefused {
        self.records.lock().refused += 1;
        refused
    }
}

impl fmt::Debug for Remedies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Remedies")
            .field("rules", &self.core.rules)
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RemediesBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RemediesBuilder")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
