//! Sampling driven by the caller.

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
use super::target::OpenTarget;
use backstop_os::clock;

/// Takes samples on request, on the calling thread: what a [`Monitor`](super::Monitor) does on its
/// own thread. For programs with a loop of their own, and for simulated time.
///
/// It keeps no samples, only the findings and its own cost.
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
    target: OpenTarget,
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
        target: OpenTarget,
        findings: Findings,
        short_window: Option<ShortWindow>,
        observers: Vec<Box<dyn Observer>>,
        pace: Pace,
        interval: Duration,
    ) -> Self {
        Self {
            target,
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

    /// Samples at `at`, and passes the observation to the observers; `None` once the target is
    /// gone.
    ///
    /// Every observer gets every observation. An observer that panics gets no more, and is counted.
    pub fn observe(&mut self, at: Moment) -> Option<Observation> {
        let observation = self.look(at)?;
        self.tell(&observation);
        Some(observation)
    }

    /// When to take the next sample: after the interval, or earlier if a limit is near.
    #[must_use]
    pub fn next_after(&self) -> Duration {
        self.cost.interval
    }

    /// Its cost so far.
    #[must_use]
    pub fn cost(&self) -> MonitorCost {
        self.cost
    }

    /// The findings so far, and what was dropped because of limits.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    pub(super) fn look(&mut self, at: Moment) -> Option<Observation> {
        let (cpu, wall) = (clock::thread_time(), clock::monotonic());
        let mut readings = Readings::default();
        let (process, system, ledger) = self.target.look(&at, &mut readings)?;
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
            // Its state may be inconsistent, but it is not called again.
            catch_unwind(AssertUnwindSafe(|| observer.observe(observation))).is_ok()
        });
        let lost = before - self.observers.len();
        if lost > 0 {
            tracing::error!(lost, "observers panicked and are no longer called");
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
            .field("target", &self.target)
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
    fn observers_are_called_and_only_one_that_panics_is_dropped() {
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
    fn a_late_sample_is_marked_and_a_suspended_night_is_not_late() {
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
