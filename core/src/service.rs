//! All that looks and acts, started by one call: the monitor, the alerts, the remedies, the history and the
//! scheduled clean-ups.
//!
//! Takes [`Settings`]; gives a [`Service`] that watches this process until it is dropped, and can be told
//! new settings while it does.

mod reload;
mod running;
mod shared_sink;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::Backstop;
use crate::alert::{
    AlertStatistics, FreeMemory, Rehearsal, Remedy, RemedyRecord, RemedyRefused, RemedyRules, Sink,
};
use crate::config::Settings;
use crate::error::Error;
use crate::monitor::{Finding, MonitorCost, Sample};
use crate::release::{CleanupView, Scheduler};
use crate::report::Written;

pub use reload::ReloadOnHangup;

use running::{Means, Running};
use shared_sink::SharedSink;

/// Watches this process, tells people, acts before a limit is reached, and keeps the history, as its
/// settings say. Dropping it ends all of that.
///
/// # Guarantees
/// Nothing of it runs on a thread of the program. What it costs is told by [`cost`](Self::cost).
///
/// # Examples
/// ```no_run
/// use backstop_core::alert::Alert;
/// use backstop_core::config::Settings;
/// use backstop_core::service::Service;
///
/// let service = Service::builder()
///     .sink("pager", |alert: &Alert| eprintln!("{alert}"))
///     .start(Settings::from_environment()?)?;
/// // … the program's own work …
/// for finding in service.open_findings() {
///     println!("{finding}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    means: Means,
    /// `None` between two settings, if the new ones could not be used and the old ones no more.
    running: Mutex<Option<Running>>,
}

/// Sets up a [`Service`].
#[must_use = "nothing is watched until `start`"]
pub struct ServiceBuilder {
    backstop: Option<Backstop>,
    sinks: Vec<(String, SharedSink)>,
    rules: RemedyRules,
    plan: FreeMemory,
}

impl Service {
    /// Sets one up, with sinks and remedies of the program's own.
    pub fn builder() -> ServiceBuilder {
        ServiceBuilder {
            backstop: None,
            sinks: Vec::new(),
            rules: RemedyRules::default(),
            plan: FreeMemory::default(),
        }
    }

    /// Watches this process.
    ///
    /// # Errors
    /// As [`ServiceBuilder::start`].
    pub fn start(settings: Settings) -> Result<Self, Error> {
        Self::builder().start(settings)
    }

    /// Goes on by other settings. The history goes on where it stays; the monitor begins anew, with its
    /// warm-up, because a finding by one limit says nothing of another.
    ///
    /// # Errors
    /// The new settings cannot be used, such as a directory that cannot be made. It then goes on by the
    /// old ones, if those still can be.
    pub fn reload(&self, settings: Settings) -> Result<(), Error> {
        self.inner.reload(settings)
    }

    /// By which settings it goes; `None` if it could not go on by any after a reload.
    #[must_use]
    pub fn settings(&self) -> Option<Settings> {
        self.with(|running| running.settings.clone())
    }

    /// The last samples, oldest first, as many as are kept in memory.
    #[must_use]
    pub fn snapshots(&self) -> Vec<Sample> {
        self.with(|running| running.monitor.snapshots())
            .unwrap_or_default()
    }

    /// The findings that are open, the worst first.
    #[must_use]
    pub fn open_findings(&self) -> Vec<Finding> {
        self.with(|running| running.monitor.open_findings())
            .unwrap_or_default()
    }

    /// What the monitor itself costs.
    #[must_use]
    pub fn cost(&self) -> Option<MonitorCost> {
        self.with(|running| running.monitor.cost())
    }

    /// What became of the alerts.
    #[must_use]
    pub fn alerts(&self) -> Option<AlertStatistics> {
        self.with(|running| running.alerts.statistics())
    }

    /// What the history has, and what it lost; `None` if none is kept.
    #[must_use]
    pub fn history(&self) -> Option<Written> {
        self.with(|running| {
            running
                .history
                .as_ref()
                .map(|history| history.writer.written())
        })?
    }

    /// The scheduled clean-ups.
    #[must_use]
    pub fn cleanups(&self) -> Vec<CleanupView> {
        self.with(|running| running.scheduler.as_ref().map(Scheduler::list))
            .flatten()
            .unwrap_or_default()
    }

    /// Has a remedy act now, whatever the settings say of cleaning up by itself.
    ///
    /// # Errors
    /// It rests after it has acted, another one acts, or there is no service by any settings.
    pub fn remedy(&self, remedy: Remedy) -> Result<RemedyRecord, RemedyRefused> {
        let remedies = self.with(|running| running.remedies.clone());
        // Not under the lock: a release may take as long as its policy lets it.
        remedies.map_or(Err(RemedyRefused::Busy), |remedies| remedies.run(remedy))
    }

    /// What a remedy would do now. Nothing is touched.
    #[must_use]
    pub fn rehearse(&self, remedy: Remedy) -> Option<Rehearsal> {
        let remedies = self.with(|running| running.remedies.clone())?;
        Some(remedies.rehearse(remedy))
    }

    fn with<T>(&self, look: impl FnOnce(&Running) -> T) -> Option<T> {
        self.inner.running.lock().as_ref().map(look)
    }
}

impl Inner {
    fn reload(&self, settings: Settings) -> Result<(), Error> {
        let mut running = self.running.lock();
        let before = running.take();
        // The history has one writer: it is handed on where its directory stays, and closed else.
        let history = before
            .as_ref()
            .and_then(|before| before.history.clone())
            .filter(|history| history.serves(&settings));
        let old_settings = before.as_ref().map(|before| before.settings.clone());
        let old_history = before.as_ref().and_then(|before| before.history.clone());
        match Running::begin(&self.means, settings, history) {
            Ok(new) => {
                *running = Some(new);
                Ok(())
            }
            Err(error) => {
                drop(before);
                if let Some(old) = old_settings {
                    *running = Running::begin(&self.means, old, old_history).ok();
                }
                Err(error)
            }
        }
    }
}

impl ServiceBuilder {
    /// Watches the resources of this one. Default: the process's own.
    pub fn backstop(mut self, backstop: Backstop) -> Self {
        self.backstop = Some(backstop);
        self
    }

    /// Adds a sink of the program's own, with a name for its statistics.
    pub fn sink(mut self, name: impl Into<String>, sink: impl Sink) -> Self {
        self.sinks.push((name.into(), SharedSink::new(sink)));
        self
    }

    /// Writes a profile of the heap into this directory at alerts about memory from
    /// [`Level::Error`](crate::alert::Level::Error) on, at most one an hour, the last eight kept. For other
    /// rules, add a [`HeapProfiles`](crate::alert::HeapProfiles) as a [`sink`](Self::sink).
    ///
    /// Where profiling is off the service does the rest, and `heap profiles` among the sinks of
    /// [`Service::alerts`] shows why there are none.
    #[cfg(feature = "heap-profile")]
    pub fn heap_profiles(self, directory: impl Into<std::path::PathBuf>) -> Self {
        let profiles = crate::alert::HeapProfiles::new(directory);
        self.sink("heap profiles", profiles)
    }

    /// What alerts trigger where `cleanup.auto` is on.
    pub fn remedies(mut self, rules: RemedyRules) -> Self {
        self.rules = rules;
        self
    }

    /// The plan to free memory.
    pub fn free_memory(mut self, plan: FreeMemory) -> Self {
        self.plan = plan;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// A thread cannot be started, or the history cannot be opened or has another writer.
    pub fn start(self, settings: Settings) -> Result<Service, Error> {
        let means = Means {
            backstop: self.backstop.unwrap_or_else(Backstop::global),
            sinks: self.sinks,
            rules: self.rules,
            plan: self.plan,
        };
        let running = Running::begin(&means, settings, None)?;
        Ok(Service {
            inner: Arc::new(Inner {
                means,
                running: Mutex::new(Some(running)),
            }),
        })
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Service")
            .field("settings", &self.settings())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ServiceBuilder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ServiceBuilder")
            .field("backstop", &self.backstop)
            .field("sinks", &self.sinks.len())
            .finish_non_exhaustive()
    }
}
