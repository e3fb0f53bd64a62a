//! The settings of a monitor.

use std::path::PathBuf;
use std::time::Duration;

use super::background::Monitor;
use super::findings::Findings;
use super::limits::Limits;
use super::observation::Observer;
use super::pace::Pace;
use super::price::Price;
use super::short_window::ShortWindow;
use super::target::{OpenTarget, Target};
use super::watch::Watch;
use crate::error::{Error, ErrorKind, Stage};
use crate::release::Backstop;
use crate::resource::Bytes;

/// Configures a [`Monitor`]. By default it monitors its own process every 30 seconds.
#[must_use = "a monitor does nothing until it is started"]
pub struct MonitorBuilder {
    target: Target,
    backstop: Option<Backstop>,
    own_heap: Option<fn() -> Bytes>,
    interval: Duration,
    fastest: Duration,
    price: Price,
    pub(super) snapshots: usize,
    limits: Limits,
    has_short_window: bool,
    observers: Vec<Box<dyn Observer>>,
}

impl Default for MonitorBuilder {
    fn default() -> Self {
        Self {
            target: Target::Own,
            backstop: None,
            own_heap: None,
            interval: Duration::from_secs(30),
            fastest: Duration::from_secs(1),
            price: Price::measured(),
            snapshots: 10,
            limits: Limits::default(),
            has_short_window: false,
            observers: Vec::new(),
        }
    }
}

impl Monitor {
    /// Configures a monitor.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::default()
    }
}

impl MonitorBuilder {
    /// Monitors the process that has this PID at the start.
    pub fn process(mut self, pid: i32) -> Self {
        self.target = Target::Process(pid);
        self
    }

    /// Monitors the process that has this PID at the start, and its descendants, as a sum.
    pub fn tree(mut self, pid: i32) -> Self {
        self.target = Target::Tree(pid);
        self
    }

    /// Monitors the members of the cgroup (v2) at this directory, as a sum.
    pub fn cgroup(mut self, directory: impl Into<PathBuf>) -> Self {
        self.target = Target::Cgroup(directory.into());
        self
    }

    /// The backstop whose resources are counted when the own process is monitored. Default:
    /// [`Backstop::global`].
    pub fn backstop(mut self, backstop: Backstop) -> Self {
        self.backstop = Some(backstop);
        self
    }

    /// A function that returns the bytes in use by the program's own allocator, if that is not the
    /// C library's: it distinguishes growth in the program from growth in C libraries. Default: the
    /// program uses the C library's allocator.
    pub fn own_heap(mut self, handed_out: fn() -> Bytes) -> Self {
        self.own_heap = Some(handed_out);
        self
    }

    /// The time between samples while no limit is near. Default: 30 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// The shortest time between samples, when a limit is near. Default: 1 s, or the interval if
    /// that is shorter.
    pub fn fastest(mut self, interval: Duration) -> Self {
        self.fastest = interval;
        self
    }

    /// What expensive readings cost. Default: [`Price::measured`].
    pub fn price(mut self, price: Price) -> Self {
        self.price = price;
        self
    }

    /// How many samples a monitor keeps in memory. Default: 10.
    pub fn snapshots(mut self, count: usize) -> Self {
        self.snapshots = count;
        self
    }

    /// The thresholds for findings.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Also reports growth over a short window: a fifth of the limits within 16 intervals. For users who
    /// watch live; where the window of the limits is as short, nothing changes. Default: off.
    pub fn short_window(mut self) -> Self {
        self.has_short_window = true;
        self
    }

    /// Who gets every observation, in the order in which they are added.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// Opens what is needed to sample, without a thread.
    ///
    /// # Errors
    /// An interval is zero, or the target does not exist or may not be inspected.
    pub fn build(self) -> Result<Watch, Error> {
        if self.interval.is_zero() || self.fastest.is_zero() {
            return Err(Error::new(
                ErrorKind::Configuration,
                Stage::Configure,
                "the interval between samples must be greater than zero",
            ));
        }
        let target = OpenTarget::open(
            &self.target,
            &self.limits,
            self.backstop,
            self.own_heap,
            &self.price,
        )?;
        let short_window = match self.has_short_window {
            true => ShortWindow::beside(&self.limits, self.interval).map_err(|error| {
                Error::new(
                    ErrorKind::Configuration,
                    Stage::Configure,
                    "the limits do not allow a short window",
                )
                .with("limit", error)
            })?,
            false => None,
        };
        Ok(Watch::new(
            target,
            Findings::new(self.limits),
            short_window,
            self.observers,
            Pace::new(self.interval, self.fastest),
            self.interval,
        ))
    }

    /// Starts monitoring, on its own thread. The first sample is taken immediately.
    ///
    /// # Errors
    /// As [`build`](Self::build), or the thread cannot be started.
    pub fn start(self) -> Result<Monitor, Error> {
        let snapshots = self.snapshots;
        Monitor::run(self.build()?, snapshots)
    }
}

impl std::fmt::Debug for MonitorBuilder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MonitorBuilder")
            .field("target", &self.target)
            .field("interval", &self.interval)
            .field("fastest", &self.fastest)
            .field("snapshots", &self.snapshots)
            .field("observers", &self.observers.len())
            .finish_non_exhaustive()
    }
}
