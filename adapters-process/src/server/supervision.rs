//! The thread that starts a server's children, checks their health, and restarts them.

use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backstop_core::policy::{Backoff, CleanupPolicy};
use backstop_core::release::{Backstop, Tracked};
use backstop_core::resource::{Deadline, ResourceId, Site};
use parking_lot::{Condvar, Mutex};

use super::events::{ServerEvent, ServerState, ServerStatistics};
use super::health::HealthCheck;
use super::restarts::Restarts;
use crate::output::{Wake, Waker, wake};
use crate::resource::ChildProcess;
use crate::thread::StopToken;

/// The settings of a server.
pub(super) struct Plan {
    pub(super) command: Box<dyn FnMut() -> Command + Send>,
    pub(super) health: HealthCheck,
    pub(super) start_deadline: Duration,
    pub(super) health_interval: Duration,
    pub(super) failures_allowed: u32,
    pub(super) restarts: Restarts,
    pub(super) backoff: Backoff,
    pub(super) child_policy: Option<CleanupPolicy>,
    pub(super) on_event: Option<EventCallback>,
}

/// The callback for each event.
pub(super) type EventCallback = Box<dyn Fn(&ServerEvent) + Send>;

/// Where events are sent, and until when.
struct Listener<'a> {
    server: &'a str,
    stop: &'a StopToken,
    callback: Option<EventCallback>,
}

/// What a server and its supervising thread share.
pub(super) struct Supervision {
    statistics: Mutex<ServerStatistics>,
    changed: Condvar,
    waker: Mutex<Option<Waker>>,
    wake: Wake,
    /// Whether there is no time left to ask children.
    is_forced: AtomicBool,
    stuck_child: Mutex<Option<String>>,
}

/// Why a child has ended.
enum Over {
    /// It exited or was terminated; another one may follow.
    Died(String),
    /// The server is being stopped.
    Stopped,
}

/// Interval of the health checks of a server that is still starting.
const START_PAUSE: Duration = Duration::from_millis(25);

impl Listener<'_> {
    fn tell(&self, event: &ServerEvent) {
        tracing::debug!(server = self.server, ?event);
        if let Some(callback) = &self.callback {
            self.stop.callback(|| callback(event));
        }
    }
}

impl Supervision {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let (waker, wake) = wake()?;
        Ok(Arc::new(Self {
            statistics: Mutex::new(ServerStatistics {
                state: ServerState::Starting,
                pid: None,
                starts: 0,
                looks: 0,
                failed_looks: 0,
                last_end: None,
            }),
            changed: Condvar::new(),
            waker: Mutex::new(Some(waker)),
            wake,
            is_forced: AtomicBool::new(false),
            stuck_child: Mutex::new(None),
        }))
    }

    pub(super) fn statistics(&self) -> ServerStatistics {
        self.statistics.lock().clone()
    }

    pub(super) fn wait_until(
        &self,
        deadline: Deadline,
        wanted: impl Fn(ServerState) -> bool,
    ) -> ServerState {
        let mut statistics = self.statistics.lock();
        self.changed.wait_while_until(
            &mut statistics,
            |statistics| !wanted(statistics.state),
            deadline.instant(),
        );
        statistics.state
    }

    pub(super) fn ask_to_stop(&self, force: bool) {
        if force {
            // Relaxed: only a hint for a release that has not begun yet.
            self.is_forced.store(true, Ordering::Relaxed);
        }
        drop(self.waker.lock().take());
    }

    pub(super) fn stuck_child(&self) -> Option<String> {
        self.stuck_child.lock().clone()
    }

    pub(super) fn run(
        &self,
        backstop: &Backstop,
        mut plan: Plan,
        stop: &StopToken,
        label: &str,
        parent: Option<ResourceId>,
        site: Site,
    ) {
        let listener = Listener {
            server: label,
            stop,
            callback: plan.on_event.take(),
        };
        loop {
            let mut builder = ChildProcess::builder((plan.command)())
                .label(label)
                .parent(parent)
                .site(site);
            if let Some(policy) = &plan.child_policy {
                builder = builder.policy(policy.clone());
            }
            let over = match builder.spawn_on(backstop) {
                Err(error) => Over::Died(error.chain()),
                Ok(child) => {
                    let pid = child.pid();
                    self.note(|statistics| {
                        statistics.starts += 1;
                        statistics.pid = Some(pid);
                    });
                    listener.tell(&ServerEvent::Started { pid });
                    let over = self.watch(&child, &plan, stop, &listener);
                    let release = self.release(child);
                    if let Over::Died(reason) = &over {
                        let reason = reason.clone();
                        listener.tell(&ServerEvent::Ended { reason, release });
                    }
                    over
                }
            };
            let reason = match over {
                Over::Stopped => break,
                Over::Died(reason) => reason,
            };
            let is_first = self.statistics.lock().state == ServerState::Starting;
            self.note(|statistics| {
                statistics.pid = None;
                statistics.last_end = Some(reason.clone());
                if !is_first {
                    statistics.state = ServerState::Restarting;
                }
            });
            // A server that never was healthy is not restarted: `start` returns the error.
            if is_first || self.stuck_child().is_some() || !plan.restarts.allow(Instant::now()) {
                listener.tell(&ServerEvent::GaveUp { reason });
                self.note(|statistics| statistics.state = ServerState::GaveUp);
                return;
            }
            let pause = plan.backoff.after(plan.restarts.recent());
            listener.tell(&ServerEvent::Restarting { pause });
            if stop.wait(pause) {
                break;
            }
        }
        self.note(|statistics| {
            statistics.pid = None;
            statistics.state = ServerState::Stopped;
        });
        listener.tell(&ServerEvent::Stopped);
    }

    /// Supervises one child until it has ended.
    fn watch(
        &self,
        child: &Tracked<ChildProcess>,
        plan: &Plan,
        stop: &StopToken,
        listener: &Listener<'_>,
    ) -> Over {
        let started = Instant::now();
        let mut is_ready = false;
        let mut in_a_row = 0;
        loop {
            if stop.is_stopped() || child.get().is_err() {
                return Over::Stopped;
            }
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return over(child, format!("it ended: {status}")),
                Err(error) => return over(child, error.chain()),
            }
            let looked = plan.health.look();
            self.note(|statistics| {
                statistics.looks += 1;
                statistics.failed_looks += u64::from(looked.is_err());
            });
            match looked {
                // The port may belong to another process: only a running child can be healthy.
                Ok(()) if !is_ready && !child.tree.has_exited() => {
                    is_ready = true;
                    in_a_row = 0;
                    self.note(|statistics| statistics.state = ServerState::Healthy);
                    let (pid, after) = (child.pid(), started.elapsed());
                    listener.tell(&ServerEvent::Ready { pid, after });
                }
                Ok(()) => in_a_row = 0,
                Err(reason) if is_ready => {
                    in_a_row += 1;
                    let event = ServerEvent::HealthFailed {
                        reason: reason.clone(),
                        in_a_row,
                    };
                    listener.tell(&event);
                    if in_a_row >= plan.failures_allowed {
                        return Over::Died(format!("it is unhealthy: {reason}"));
                    }
                }
                Err(reason) if started.elapsed() >= plan.start_deadline => {
                    return Over::Died(format!("it did not become healthy in time: {reason}"));
                }
                Err(_) => {}
            }
            let pause = if is_ready {
                plan.health_interval
            } else {
                START_PAUSE
            };
            self.rest(child, pause);
        }
    }

    /// Waits until the child exits, the server is to stop, or the pause is over.
    fn rest(&self, child: &Tracked<ChildProcess>, pause: Duration) {
        #[cfg(unix)]
        if let Some(pinned) = child.tree.pinned() {
            use backstop_os::readiness::wait_readable;
            use std::os::fd::AsFd;

            let end = Deadline::after(pause).instant();
            if wait_readable(&[pinned.as_fd(), self.wake.as_fd()], Some(end)).is_ok() {
                return;
            }
        }
        // Nothing wakes it on this system, so it polls more often.
        std::thread::sleep(pause.min(START_PAUSE));
    }

    fn release(&self, child: Tracked<ChildProcess>) -> String {
        let release = if self.is_forced.load(Ordering::Relaxed) {
            child.force()
        } else {
            child.release()
        };
        if release.outcome.is_stuck() {
            *self.stuck_child.lock() = Some(release.to_string());
        }
        release.outcome.to_string()
    }

    fn note(&self, change: impl FnOnce(&mut ServerStatistics)) {
        change(&mut self.statistics.lock());
        self.changed.notify_all();
    }
}

/// A child whose release has begun elsewhere did not die: it was stopped.
fn over(child: &Tracked<ChildProcess>, reason: String) -> Over {
    match child.get() {
        Ok(_) => Over::Died(reason),
        Err(_) => Over::Stopped,
    }
}
