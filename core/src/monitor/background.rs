//! The monitor, on its own thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use parking_lot::{Mutex, ReentrantMutex};

use super::cost::MonitorCost;
use super::finding::Finding;
use super::moment::Moment;
use super::observation::Observation;
use super::sample::Sample;
use super::watch::Watch;
use crate::error::{Error, Stage};
use crate::release::CancelToken;
use backstop_os::fork;

/// Monitors until it is dropped, on its own thread.
///
/// # Guarantees
/// It keeps only the last samples, and measures its own cost. Its results are read without waiting
/// for a sample in progress.
///
/// # When it does not hold
/// It ends when its target is gone: see [`is_over`](Self::is_over). In a forked child there is no
/// monitor.
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
#[must_use = "dropping it stops the monitor"]
pub struct Monitor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

#[derive(Debug)]
struct Shared {
    /// Locked while a sample and its observers run. An observer that calls the monitor from the
    /// same thread finds it borrowed.
    watch: ReentrantMutex<RefCell<Watch>>,
    /// The results so far: locked only for moments.
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
    /// How long [`drop`] waits for a busy observer.
    const PATIENCE: Duration = Duration::from_secs(1);

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
                // Dropped at the end, even by a panic.
                let _alive = alive;
                while let Some(next) = own.sample().map(|_| own.seen.lock().cost.interval)
                    && !own.stop.wait(next)
                {}
            })
            .map_err(|error| {
                Error::io(Stage::Configure, "cannot start the monitor's thread", error)
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
            ended,
        })
    }

    /// The last samples, oldest first.
    #[must_use]
    pub fn snapshots(&self) -> Vec<Sample> {
        self.shared.seen.lock().samples.iter().cloned().collect()
    }

    /// The open findings, most severe first.
    #[must_use]
    pub fn open_findings(&self) -> Vec<Finding> {
        let seen = self.shared.seen.lock();
        let latest = seen.latest.as_ref();
        latest.map_or_else(Vec::new, |latest| latest.open.clone())
    }

    /// Its cost so far.
    #[must_use]
    pub fn cost(&self) -> MonitorCost {
        self.shared.seen.lock().cost
    }

    /// Whether it has ended because its target is gone.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.shared.seen.lock().is_over
    }

    /// Takes a sample immediately, on this thread, in addition to the regular ones. Waits for a
    /// sample in progress.
    ///
    /// `None` once its target is gone. An observer that calls it gets the observation that it is
    /// being passed.
    #[must_use]
    pub fn observe_now(&self) -> Option<Observation> {
        self.shared.sample()
    }

    /// Stops the monitor as dropping it does, and returns the findings that were open then, most
    /// severe first.
    #[must_use = "drop it if the findings are not needed"]
    pub fn stop(mut self) -> Vec<Finding> {
        self.halt();
        self.open_findings()
    }

    fn halt(&mut self) {
        self.shared.stop.cancel();
        let Some(thread) = self.thread.take() else {
            return;
        };
        // A forked child has no such thread, and an observer that drops its monitor runs on it.
        if !fork::is_original_process() || thread.thread().id() == std::thread::current().id() {
            return;
        }
        match self.ended.recv_timeout(Self::PATIENCE) {
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("an observer is still running; the monitor ends without it");
            }
            _ => {
                if thread.join().is_err() {
                    tracing::warn!("the monitor's thread panicked");
                }
            }
        }
    }
}

impl Shared {
    fn sample(&self) -> Option<Observation> {
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
    /// Stops without waiting for the interval to end. A busy observer is waited for, for at most a
    /// second, and then left running on its thread.
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

    fn builder() -> super::super::MonitorBuilder {
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
    fn an_observer_may_query_and_even_stop_its_monitor() {
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
    fn it_is_over_when_its_target_is_gone() {
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
