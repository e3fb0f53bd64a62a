//! Everything that monitors and acts, started with one call: the monitor, the alerts, the remedies,
//! the history and the scheduled clean-ups.
//!
//! Takes [`Settings`]; returns a [`Service`] that monitors this process until it is dropped, and
//! accepts new settings while it runs.

mod reload;
mod running;
mod sampled_backtraces;
mod shared_sink;

use std::sync::Arc;

use crossbeam_channel::bounded;
use parking_lot::Mutex;

use crate::alert::{
    AlertStatistics, FreeMemory, Remedy, RemedyRecord, RemedyRefused, RemedyRehearsal, RemedyRules,
    Sink,
};
use crate::config::Settings;
use crate::history::Written;
use crate::schedule::CleanupView;
use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::monitor::{Finding, MonitorCost, Sample};
use backstop_core::resource::Bytes;

pub use reload::ReloadOnHangup;

use running::{Lasting, Means, Running};
use sampled_backtraces::SampledBacktraces;
use shared_sink::SharedSink;

/// Monitors this process, sends alerts, acts before a limit is reached, and writes the history,
/// according to its settings. Dropping it stops all of that.
///
/// # Guarantees
/// Nothing of it runs on a thread of the program. Its cost is reported by [`cost`](Self::cost).
/// Backtraces of resources are sampled while it runs, one in 128, or all with `monitor.debug`.
///
/// # Examples
/// ```no_run
/// use backstop_service::alert::Alert;
/// use backstop_service::config::Settings;
/// use backstop_service::Service;
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
    /// Locked for moments only.
    running: Mutex<Running>,
    /// Held while the settings change, which takes seconds if a sink hangs.
    reloading: Mutex<()>,
    backtraces: SampledBacktraces,
}

/// Configures a [`Service`].
#[must_use = "nothing is watched until `start`"]
pub struct ServiceBuilder {
    backstop: Option<Backstop>,
    sinks: Vec<(String, SharedSink)>,
    rules: RemedyRules,
    plan: FreeMemory,
    own_heap: Option<fn() -> Bytes>,
}

impl Service {
    /// Configures a service, with sinks and remedies of the program's own.
    pub fn builder() -> ServiceBuilder {
        ServiceBuilder {
            backstop: None,
            sinks: Vec::new(),
            rules: RemedyRules::default(),
            plan: FreeMemory::default(),
            own_heap: None,
        }
    }

    /// Monitors this process.
    ///
    /// # Errors
    /// As [`ServiceBuilder::start`].
    pub fn start(settings: Settings) -> Result<Self, Error> {
        Self::builder().start(settings)
    }

    /// Applies new settings. Parts that they do not change continue: the history, the log files,
    /// the intervals of remedies. The monitor starts from scratch, with its warm-up, because
    /// findings by one limit are not valid for another; in the history, the earlier findings are
    /// cleared.
    ///
    /// It waits until the old parts have ended, which takes seconds if a sink or a release hangs.
    ///
    /// # When it does not hold
    /// Alerts start from scratch as well: an alert is raised again if it holds by the new limits,
    /// and not reported as resolved if it does not.
    ///
    /// # Errors
    /// The new settings cannot be applied, such as a directory that cannot be created. The old ones
    /// then stay in effect.
    pub fn reload(&self, settings: Settings) -> Result<(), Error> {
        self.inner.reload(settings)
    }

    /// The current settings.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.with(|running| running.settings.clone())
    }

    /// The last samples, oldest first, as many as are kept in memory.
    #[must_use]
    pub fn snapshots(&self) -> Vec<Sample> {
        self.with(|running| running.monitor.snapshots())
    }

    /// The open findings, most severe first.
    #[must_use]
    pub fn open_findings(&self) -> Vec<Finding> {
        self.with(|running| running.monitor.open_findings())
    }

    /// The monitor's own cost.
    #[must_use]
    pub fn cost(&self) -> MonitorCost {
        self.with(|running| running.monitor.cost())
    }

    /// Statistics of the alerts since the settings were last changed.
    #[must_use]
    pub fn alerts(&self) -> AlertStatistics {
        self.with(|running| running.alerts.statistics())
    }

    /// What the history contains, and what it lost; `None` if there is none.
    #[must_use]
    pub fn history(&self) -> Option<Written> {
        self.with(|running| {
            let history = running.history.as_ref()?;
            Some(history.writer.written())
        })
    }

    /// The scheduled clean-ups.
    #[must_use]
    pub fn cleanups(&self) -> Vec<CleanupView> {
        let list = |running: &Running| Some(running.scheduler.as_ref()?.list());
        self.with(list).unwrap_or_default()
    }

    /// The records of remedies, oldest first: the last 256.
    #[must_use]
    pub fn remedies(&self) -> Vec<RemedyRecord> {
        self.with(|running| running.remedies.records())
    }

    /// Runs a remedy now, even if the settings disable automatic clean-up.
    ///
    /// # Errors
    /// It must wait after it has acted, or another one is running.
    pub fn remedy(&self, remedy: Remedy) -> Result<RemedyRecord, RemedyRefused> {
        // Not under the lock: a release may take as long as its policy allows.
        let remedies = self.with(|running| running.remedies.clone());
        remedies.run(remedy)
    }

    /// What a remedy would do now. Nothing is changed.
    #[must_use]
    pub fn rehearse(&self, remedy: Remedy) -> RemedyRehearsal {
        let remedies = self.with(|running| running.remedies.clone());
        remedies.rehearse(remedy)
    }

    fn with<T>(&self, look: impl FnOnce(&Running) -> T) -> T {
        look(&self.inner.running.lock())
    }
}

impl Inner {
    fn reload(&self, settings: Settings) -> Result<(), Error> {
        let _reloading = self.reloading.lock();
        // The old parts continue until the new ones have started, and the new ones report nothing
        // until the old ones have ended: no sample is missed and no finding is reported twice.
        let (begin, begun) = bounded(0);
        let lasting = self.running.lock().lasting(&settings);
        let debug = settings.debug();
        let new = Running::begin(&self.means, settings, lasting, begun)?;
        let before = std::mem::replace(&mut *self.running.lock(), new);
        before.end();
        self.backtraces.set(debug);
        drop(begin);
        Ok(())
    }
}

impl ServiceBuilder {
    /// Monitors the resources of this backstop. Default: the process's own.
    pub fn backstop(mut self, backstop: Backstop) -> Self {
        self.backstop = Some(backstop);
        self
    }

    /// Adds a sink of the program's own, with a name for its statistics.
    pub fn sink(mut self, name: impl Into<String>, sink: impl Sink) -> Self {
        self.sinks.push((name.into(), SharedSink::new(sink)));
        self
    }

    /// Writes a heap profile into this directory on alerts about memory from
    /// [`Level::Error`](crate::alert::Level::Error) on, at most one per hour, with the last eight
    /// kept. For other rules, add a [`HeapProfiles`](crate::alert::HeapProfiles) as a
    /// [`sink`](Self::sink).
    ///
    /// If profiling is off, the service works without it, and `heap profiles` among the sinks of
    /// [`Service::alerts`] shows the reason.
    #[cfg(feature = "heap-profile")]
    pub fn heap_profiles(self, directory: impl Into<std::path::PathBuf>) -> Self {
        let profiles = crate::alert::HeapProfiles::new(directory);
        self.sink("heap profiles", profiles)
    }

    /// A function that returns the memory in use in the program's own allocator, if that is not the
    /// C library's: other growth is then attributed to C libraries, as `native.memory`. It is
    /// called for every sample.
    pub fn own_heap(mut self, handed_out: fn() -> Bytes) -> Self {
        self.own_heap = Some(handed_out);
        self
    }

    /// What alerts trigger if `cleanup.auto` is on.
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
            own_heap: self.own_heap,
        };
        let debug = settings.debug();
        let (_, begun) = bounded(0);
        let running = Running::begin(&means, settings, Lasting::default(), begun)?;
        Ok(Service {
            inner: Arc::new(Inner {
                means,
                running: Mutex::new(running),
                reloading: Mutex::default(),
                backtraces: SampledBacktraces::begin(debug),
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
