//! One look after another, each when its caller says so.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::cost::MonitorCost;
use super::findings::Findings;
use super::moment::{Disturbance, Moment};
use super::observation::{Observation, Observer};
use super::pace::Pace;
use super::readings::Readings;
use super::sample::Sample;
use super::short_window::ShortWindow;
use super::watched::Watched;
use backstop_os::clock;

/// Looks when it is told to, on the thread that tells it: what a [`Monitor`](super::Monitor) does on a
/// thread of its own. For programs with a loop of their own, and for time that is played.
///
/// It keeps no samples: it has the findings, and what it costs.
///
/// # Examples
/// ```
/// use backstop_core::monitor::{Moment, Monitor};
///
/// let mut watch = Monitor::builder().build()?;
/// let observation = watch.observe(Moment::now()).expect("this process is there");
/// assert!(observation.sample.process.resident.0 > 0);
/// assert!(watch.next_after() <= std::time::Duration::from_secs(30));
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
pub struct Watch {
    watched: Watched,
    findings: Findings,
    short_window: Option<ShortWindow>,
    observers: Vec<Box<dyn Observer>>,
    pace: Pace,
    began: Option<Moment>,
    last: Option<Moment>,
    cost: MonitorCost,
}

impl Watch {
    pub(super) fn new(
        watched: Watched,
        findings: Findings,
        short_window: Option<ShortWindow>,
        observers: Vec<Box<dyn Observer>>,
        pace: Pace,
        interval: Duration,
    ) -> Self {
        Self {
            watched,
            findings,
            short_window,
            observers,
            pace,
            began: None,
            last: None,
            cost: MonitorCost {
                interval,
                ..MonitorCost::default()
            },
        }
    }

    /// Looks at `at`, and tells the observers; `None` once what is watched is gone.
    ///
    /// Every observer gets every observation. One that panics is told nothing any more, and counted.
    pub fn observe(&mut self, at: Moment) -> Option<Observation> {
        let observation = self.look(at)?;
        self.tell(&observation);
        Some(observation)
    }

    /// After how long to look again: the interval, or less while a limit comes near.
    #[must_use]
    pub fn next_after(&self) -> Duration {
        self.cost.interval
    }

    /// What it has cost so far.
    #[must_use]
    pub fn cost(&self) -> MonitorCost {
        self.cost
    }

    /// What was found so far, and what was lost for want of room.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    pub(super) fn look(&mut self, at: Moment) -> Option<Observation> {
        let (cpu, wall) = (clock::thread_time(), clock::monotonic());
        let mut readings = Readings::default();
        let (process, system, ledger) = self.watched.look(&at, &mut readings)?;
        let sample = Sample {
            at,
            disturbances: self.disturbances(&at),
            left_out: readings.left_out(),
            process,
            system,
            ledger,
        };
        let changes = match &mut self.short_window {
            Some(short) => short.observe(&mut self.findings, &sample),
            None => self.findings.observe(&sample),
        };
        self.cost.interval = self.pace.next(&sample);
        self.last = Some(at);
        self.cost.samples += 1;
        self.cost.readings.add(&readings);
        self.cost.watched = at.since(self.began.get_or_insert(at));
        self.cost.cpu += clock::thread_time().saturating_sub(cpu);
        let took = Duration::from_nanos(clock::monotonic().saturating_sub(wall));
        self.cost.longest = self.cost.longest.max(took);
        Some(Observation {
            sample,
            changes,
            open: match &self.short_window {
                Some(short) => short.open(),
                None => self.findings.open(),
            },
        })
    }

    pub(super) fn tell(&mut self, observation: &Observation) {
        let cpu = clock::thread_time();
        let before = self.observers.len();
        self.observers.retain_mut(|observer| {
            // What it left half done stays with it: it is told nothing any more.
            catch_unwind(AssertUnwindSafe(|| observer.observe(observation))).is_ok()
        });
        let lost = before - self.observers.len();
        if lost > 0 {
            tracing::error!(lost, "observers panicked and are told nothing any more");
            self.cost.observers_lost += lost as u64;
        }
        self.cost.observers_cpu += clock::thread_time().saturating_sub(cpu);
    }

    fn disturbances(&mut self, at: &Moment) -> Vec<Disturbance> {
        let Some(last) = self.last else {
            return Vec::new();
        };
        let mut found = at.disturbances_since(&last);
        let late = at.since(&last).saturating_sub(self.cost.interval);
        if late > self.cost.interval / 2 {
            self.cost.late += 1;
            found.push(Disturbance::Late { span: late });
        }
        found
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Watch")
            .field("watched", &self.watched)
            .field("observers", &self.observers.len())
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Monitor;
    use crate::release::{Backstop, Tracking};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn watch(observer: impl Observer + 'static) -> Watch {
        let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
        Monitor::builder()
            .backstop(backstop)
            .observer(observer)
            .build()
            .unwrap()
    }

    #[test]
    fn observers_are_told_and_one_that_panics_is_lost_alone() {
        let told = Arc::new(AtomicU64::new(0));
        let backstop = Backstop::builder().tracking(Tracking::Anonymous).start();
        let count = Arc::clone(&told);
        let mut watch = Monitor::builder()
            .backstop(backstop)
            .observer(|_: &Observation| panic!("an observer's own fault"))
            .observer(move |_: &Observation| {
                count.fetch_add(1, Ordering::Relaxed);
            })
            .build()
            .unwrap();
        let start = Moment::now();
        for second in 0..3 {
            watch.observe(start.later(Duration::from_secs(second * 30)));
        }
        assert_eq!(told.load(Ordering::Relaxed), 3);
        let cost = watch.cost();
        assert_eq!((cost.samples, cost.late, cost.observers_lost), (3, 0, 1));
        assert_eq!(cost.watched, Duration::from_secs(60));
        assert!(cost.cpu > Duration::ZERO && cost.longest > Duration::ZERO);
    }

    #[test]
    fn a_late_sample_says_so_and_a_night_asleep_is_not_late() {
        let mut watch = watch(|_: &Observation| {});
        let start = Moment::now();
        watch.observe(start);
        let interval = watch.next_after();
        let late = start.later(interval * 4);
        let seen = watch.observe(late).unwrap().sample;
        assert!(
            matches!(seen.disturbances[..], [Disturbance::Late { .. }]),
            "{seen:?}"
        );
        let night = Duration::from_secs(8 * 3600);
        let mut morning = late.later(night + Duration::from_secs(1));
        morning.awake -= night;
        let seen = watch.observe(morning).unwrap().sample;
        assert_eq!(seen.disturbances, [Disturbance::Suspended { span: night }]);
        assert_eq!(watch.cost().late, 1);
    }
}
