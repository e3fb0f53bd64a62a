//! A long-lived child that is monitored, and restarted when it dies.

mod events;
mod health;
mod restarts;
mod supervision;

use std::borrow::Cow;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::policy::{Backoff, CleanupPolicy};
use backstop_core::release::{Backstop, Tracked};
use backstop_core::resource::{
    Deadline, Kind, Presence, Progress, Rung, Site, Step, TrackedResource,
};

use crate::config::{self, RestartLimit};
use crate::error;
use crate::thread::Thread;
pub use events::{ServerEvent, ServerState, ServerStatistics};
pub use health::HealthCheck;
pub(crate) use restarts::Restarts;
use supervision::{Plan, Supervision};

/// A server: a long-lived child that is monitored and restarted.
///
/// # Guarantees
/// It is healthy when [`start`](ServerBuilder::start) returns it. When it dies or turns unhealthy, its
/// whole tree is released before another child is started, and no more are started than its
/// [limit](ServerBuilder::restarts) allows. After its release no process of it is alive or started.
///
/// # When it does not hold
/// It does not outlive its guard: a server whose guard is
/// [dismissed](backstop_core::release::Tracked::dismiss) is stopped in the background, its child too.
pub struct Server {
    name: String,
    thread: Thread,
    supervision: Arc<Supervision>,
}

/// Sets up a [`Server`].
#[must_use = "nothing is started until `start`"]
pub struct ServerBuilder {
    name: String,
    site: Site,
    policy: Option<CleanupPolicy>,
    plan: Plan,
}

impl Server {
    /// Sets up a server; `command` builds the command for each start.
    #[track_caller]
    pub fn builder(
        name: impl Into<String>,
        command: impl FnMut() -> Command + Send + 'static,
    ) -> ServerBuilder {
        ServerBuilder {
            name: name.into(),
            site: Site::caller(),
            policy: None,
            plan: Plan {
                command: Box::new(command),
                health: HealthCheck::running(),
                start_deadline: Duration::from_secs(10),
                health_interval: Duration::from_secs(1),
                failures_allowed: 3,
                restarts: Restarts::new(RestartLimit::default()),
                backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
                child_policy: None,
                on_event: None,
            },
        }
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> ServerState {
        self.supervision.statistics().state
    }

    /// The PID of the running child.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.supervision.statistics().pid
    }

    /// Its counters.
    #[must_use]
    pub fn statistics(&self) -> ServerStatistics {
        self.supervision.statistics()
    }

    /// Waits until it is in a state, for at most this long, and returns its state at the end.
    #[must_use]
    pub fn wait_for(&self, state: ServerState, timeout: Duration) -> ServerState {
        self.supervision
            .wait_until(Deadline::after(timeout), |current| current == state)
    }
}

impl ServerBuilder {
    /// How its health is checked. Default: its process runs.
    pub fn health(mut self, health: HealthCheck) -> Self {
        self.plan.health = health;
        self
    }

    /// How long it may take to become healthy. Default: 10 s.
    pub fn start_deadline(mut self, deadline: Duration) -> Self {
        self.plan.start_deadline = deadline;
        self
    }

    /// How often its health is checked. Default: every second.
    pub fn health_interval(mut self, interval: Duration) -> Self {
        self.plan.health_interval = interval;
        self
    }

    /// How many checks in a row must fail for it to be unhealthy. Default: 3.
    pub fn failures_allowed(mut self, count: u32) -> Self {
        self.plan.failures_allowed = count.max(1);
        self
    }

    /// How often it is started again. Default: once per 5 s.
    pub fn restarts(mut self, limit: RestartLimit) -> Self {
        self.plan.restarts = Restarts::new(limit);
        self
    }

    /// How long to wait before it is started again. Default: 50 ms, doubling up to 5 s.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.plan.backoff = backoff;
        self
    }

    /// The policy of the server itself. Default: [`server_policy`](config::server_policy).
    pub fn policy(mut self, policy: CleanupPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The policy of its children. Default: that of child processes.
    pub fn child_policy(mut self, policy: CleanupPolicy) -> Self {
        self.plan.child_policy = Some(policy);
        self
    }

    /// A callback for each event, called on the supervising thread, and not after the release.
    pub fn on_event(mut self, callback: impl Fn(&ServerEvent) + Send + 'static) -> Self {
        self.plan.on_event = Some(Box::new(callback));
        self
    }

    /// Starts it and waits until it is healthy; tracked by this process's [`Backstop`].
    ///
    /// # Errors
    /// It cannot be started, exited immediately, or did not become healthy in time. Nothing of it is left.
    pub fn start(self) -> Result<Tracked<Server>, Error> {
        self.start_on(&Backstop::global())
    }

    /// [`start`](Self::start), tracked by `backstop`.
    ///
    /// # Errors
    /// As `start`.
    pub fn start_on(self, backstop: &Backstop) -> Result<Tracked<Server>, Error> {
        let Self {
            name,
            site,
            policy,
            plan,
        } = self;
        let policy = config::chosen(policy, backstop, config::SERVER, config::server_policy);
        let intent = backstop
            .intend(config::SERVER, name.clone())
            .site(site)
            .policy(policy)
            .declare();
        // The supervisor ends by itself; this only bounds a hang.
        let patience = Deadline::after(plan.start_deadline + Duration::from_secs(10));
        let supervision = Supervision::new().map_err(|cause| error::no_thread(&name, cause))?;
        let (own, label, parent, on) = (
            Arc::clone(&supervision),
            name.clone(),
            intent.id(),
            *backstop,
        );
        let started = Thread::start(config::SERVER, &name, site, move |stop| {
            own.run(&on, plan, stop, &label, parent, site);
        });
        let thread = match started {
            Ok(thread) => thread,
            Err(cause) => {
                intent.abandon();
                return Err(error::no_thread(&name, cause));
            }
        };
        let server = intent.fulfil(Server {
            name: name.clone(),
            thread,
            supervision: Arc::clone(&supervision),
        });
        match supervision.wait_until(patience, |state| state != ServerState::Starting) {
            ServerState::Healthy | ServerState::Restarting => Ok(server),
            state => {
                let release = server.release();
                let why = supervision
                    .statistics()
                    .last_end
                    .unwrap_or_else(|| "no answer".into());
                Err(
                    Error::new(ErrorKind::Deadline, Stage::Open, "the server did not start")
                        .of(name)
                        .with("state", state)
                        .with("reason", why)
                        .with("release", release.outcome),
                )
            }
        }
    }
}

impl TrackedResource for Server {
    fn kind(&self) -> Kind {
        config::SERVER
    }

    fn label(&self) -> Cow<'static, str> {
        self.name.clone().into()
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        self.supervision.ask_to_stop(step.rung == Rung::Force);
        Ok(self.thread.release(step.rung))
    }

    fn verify(&self) -> Presence {
        match self.thread.verify() {
            // The thread ends after the release of the last child, and returns its outcome.
            Presence::Gone => match self.supervision.stuck_child() {
                None => Presence::Gone,
                Some(holder) => Presence::present(holder),
            },
            present => present,
        }
    }
}
