//! The monitor on a thread of its own.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use parking_lot::{Mutex, ReentrantMutex};

use super::builder::MonitorBuilder;
use super::cost::MonitorCost;
use super::finding::Finding;
use super::moment::Moment;
use super::observation::Observation;
use super::sample::Sample;
use super::watch::Watch;
use crate::error::{Error, Stage};
use crate::release::CancelToken;
use backstop_os::fork;

/// Watches until it is dropped, on a thread of its own.
///
/// # Guarantees
/// It keeps the last samples and no more, and tells what it costs. What it has seen is read without
/// waiting for a sample that is under way.
///
/// # When it does not hold
/// It ends when what it watches is gone: see [`is_over`](Self::is_over). A forked child has no monitor.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_core::monitor::{Monitor, Observation};
///
/// let monitor = Monitor::builder()
///     .interval(Duration::from_secs(10))
///     .observer(|observation: &Observation| {
///         for change in &observation.changes {
///             println!("{}", change.finding());
///         }
///     })
///     .start()?;
/// let observation = monitor.observe_now().expect("this process is there");
/// assert!(observation.sample.process.threads >= 2);
/// assert!(monitor.cost().samples >= 1);
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends the watch"]
pub struct Monitor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

#[derive(Debug)]
struct Shared {
    /// Locked for as long as a sample and its observers take. An observer may come back here from the
    /// same thread, and then finds it borrowed.
    watch: ReentrantMutex<RefCell<Watch>>,
    /// What has been seen: locked for moments only.
    seen: Mutex<Seen>,
    stop: CancelToken,
    snapshots: usize,
}

#[derive(Debug, Default)]
struct Seen {
    samples: VecDeque<Sample>,
    latest: Option<Observation>,
    cost: MonitorCost,
    is_over: bool,
}

impl Monitor {
    /// How long [`drop`] waits for an observer that is busy.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Sets up a monitor.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::default()
    }

    pub(super) fn run(watch: Watch, snapshots: usize) -> Result<Self, Error> {
        let cost = watch.cost();
        let shared = Arc::new(Shared {
            watch: ReentrantMutex::new(RefCell::new(watch)),
            seen: Mutex::new(Seen {
                cost,
                ..Seen::default()
            }),
            stop: CancelToken::new(),
            snapshots,
        });
        let (alive, ended) = crossbeam_channel::bounded(0);
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("backstop-monitor".into())
            .spawn(move || {
                // Dropped at the end, also by a panic.
                let _alive = alive;
                while let Some(next) = own.look().map(|_| own.seen.lock().cost.interval)
                    && !own.stop.wait(next)
                {}
            })
            .map_err(|error| {
                Error::io(
                    Stage::Configure,
                    "the monitor's thread cannot be started",
                    error,
                )
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
            ended,
        })
    }

    /// The last samples, the oldest first.
    #[must_use]
    pub fn snapshots(&self) -> Vec<Sample> {
        self.shared.seen.lock().samples.iter().cloned().collect()
    }

    /// The findings that are open, the worst first.
    #[must_use]
    pub fn open_findings(&self) -> Vec<Finding> {
        let seen = self.shared.seen.lock();
        let latest = seen.latest.as_ref();
        latest.map_or_else(Vec::new, |latest| latest.open.clone())
    }

    /// What it has cost so far.
    #[must_use]
    pub fn cost(&self) -> MonitorCost {
        self.shared.seen.lock().cost
    }

    /// Whether it has ended because what it watches is gone.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.shared.seen.lock().is_over
    }

    /// Looks at once, on this thread, beside the regular samples. Waits for a sample that is under way.
    ///
    /// `None` once what it watches is gone. An observer that calls it gets the observation that it is
    /// being told.
    #[must_use]
    pub fn observe_now(&self) -> Option<Observation> {
        self.shared.look()
    }

    /// Ends the watch as dropping it does, and gives the findings that were open then, the worst first.
    #[must_use = "drop it to end the watch alone"]
    pub fn stop(mut self) -> Vec<Finding> {
        self.halt();
        self.open_findings()
    }

    fn halt(&mut self) {
        self.shared.stop.cancel();
        let Some(thread) = self.thread.take() else {
            return;
        };
        // A forked child has no such thread, and an observer that drops its monitor is on it.
        if !fork::is_original_process() || thread.thread().id() == std::thread::current().id() {
            return;
        }
        match self.ended.recv_timeout(Self::PATIENCE) {
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("an observer does not come to an end; the monitor goes without it");
            }
            _ => {
                if thread.join().is_err() {
                    tracing::warn!("the monitor's thread had panicked");
                }
            }
        }
    }
}

impl Shared {
    fn look(&self) -> Option<Observation> {
        let watch = self.watch.lock();
        let Ok(mut watch) = watch.try_borrow_mut() else {
            return self.seen.lock().latest.clone();
        };
        let observation = watch.look(Moment::now());
        let mut seen = self.seen.lock();
        seen.cost = watch.cost();
        let Some(observation) = observation else {
            seen.is_over = true;
            return None;
        };
        seen.latest = Some(observation.clone());
        seen.samples.push_back(observation.sample.clone());
        while seen.samples.len() > self.snapshots {
            seen.samples.pop_front();
        }
        drop(seen);
        watch.tell(&observation);
        self.seen.lock().cost = watch.cost();
        Some(observation)
    }
}

impl Drop for Monitor {
    /// Ends the watch without waiting for its interval. An observer that is busy is waited for, for a
    /// second at the most, and then left to its thread.
    fn drop(&mut self) {
        self.halt();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Backstop, Tracking};
    use std::process::Command;
    use std::sync::OnceLock;
    use std::time::Instant;

    fn builder() -> MonitorBuilder {
        let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
        Monitor::builder().backstop(backstop)
    }

    #[test]
    fn it_keeps_the_last_samples_and_stops_at_once() {
        let monitor = builder()
            .interval(Duration::from_millis(1))
            .snapshots(3)
            .start()
            .unwrap();
        while monitor.cost().samples < 5 {
            std::thread::yield_now();
        }
        assert_eq!(monitor.snapshots().len(), 3);
        assert!(
            monitor
                .snapshots()
                .is_sorted_by_key(|sample| sample.at.awake)
        );
        drop(monitor);

        let patient = builder().start().unwrap();
        assert!(patient.observe_now().is_some());
        let start = Instant::now();
        drop(patient);
        assert!(start.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn an_observer_may_ask_and_even_end_its_monitor() {
        static MONITOR: OnceLock<Mutex<Option<Monitor>>> = OnceLock::new();
        let (told, heard) = crossbeam_channel::unbounded();
        let monitor = builder()
            .interval(Duration::from_millis(1))
            .observer(move |observation: &Observation| {
                let Some(place) = MONITOR.get() else {
                    return;
                };
                let monitor = place.lock().take();
                if let Some(monitor) = monitor {
                    let now = monitor.observe_now().map(|now| now.sample.at);
                    assert_eq!(now, Some(observation.sample.at));
                    drop(monitor);
                    told.send(()).unwrap();
                }
            })
            .start()
            .unwrap();
        drop(MONITOR.set(Mutex::new(Some(monitor))));
        heard.recv_timeout(Duration::from_secs(30)).unwrap();
    }

    #[test]
    fn it_is_over_when_what_it_watches_is_gone() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let monitor = Monitor::builder()
            .process(child.id() as i32)
            .interval(Duration::from_millis(1))
            .start()
            .unwrap();
        while monitor.snapshots().is_empty() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        while !monitor.is_over() {
            std::thread::yield_now();
        }
        assert!(monitor.observe_now().is_none());
        assert!(!monitor.snapshots().is_empty());
    }

    #[test]
    fn no_interval_and_no_process_are_errors() {
        assert!(builder().interval(Duration::ZERO).start().is_err());
        let error = Monitor::builder().process(i32::MAX).start().unwrap_err();
        assert!(error.to_string().contains("watched"), "{error}");
    }
}
