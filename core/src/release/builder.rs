//! How a [`Backstop`] is set up.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::backstop::Backstop;
use super::clock::Clock;
use crate::ledger::{Ledger, LedgerOptions, default_directories};
use crate::policy::CleanupPolicy;
use crate::resource::Kind;
use backstop_os::fork;
use backstop_os::identity::Cookie;

/// What is tracked, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tracking {
    /// In a ledger file of this directory.
    Directory(PathBuf),
    /// In a ledger file of the first usable default directory.
    Default,
    /// In this process's memory only.
    Anonymous,
    /// Not at all: guards still release.
    Off,
}

/// Sets up a [`Backstop`].
#[derive(Debug)]
#[must_use = "nothing is set up until `start`"]
pub struct Builder {
    tracking: Tracking,
    default_policy: CleanupPolicy,
    policies: HashMap<Kind, Arc<CleanupPolicy>>,
    clock: Clock,
    run: Option<Cookie>,
}

impl Backstop {
    /// Sets up another one.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Default for Builder {
    /// Tracks in the default directory, unless `BACKSTOP=off`.
    fn default() -> Self {
        let off = std::env::var_os("BACKSTOP").is_some_and(|value| value == "off");
        Self {
            tracking: if off {
                Tracking::Off
            } else {
                Tracking::Default
            },
            default_policy: CleanupPolicy::default(),
            policies: HashMap::new(),
            clock: Clock::system(),
            run: std::env::var(Cookie::ENVIRONMENT_VARIABLE)
                .ok()
                .and_then(|text| text.parse().ok()),
        }
    }
}

impl Builder {
    /// What is tracked, and where. Default: the default directory, or nothing with `BACKSTOP=off`.
    pub fn tracking(mut self, tracking: Tracking) -> Self {
        self.tracking = tracking;
        self
    }

    /// The rules for kinds without rules of their own.
    pub fn default_policy(mut self, policy: CleanupPolicy) -> Self {
        self.default_policy = policy;
        self
    }

    /// The rules for a kind.
    pub fn policy(mut self, kind: Kind, policy: CleanupPolicy) -> Self {
        self.policies.insert(kind, Arc::new(policy));
        self
    }

    /// The `backstop run` that this process belongs to. Default: the one whose cookie is in the
    /// environment.
    pub fn run(mut self, run: Cookie) -> Self {
        self.run = Some(run);
        self
    }

    /// The clock that ages are measured by. Default: the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets it up. It lives as long as the process.
    ///
    /// A ledger that cannot be kept in a file is kept in memory, and one that cannot be kept in memory
    /// is not kept: the program keeps running, and [`Backstop::degraded`] says why.
    pub fn start(self) -> Backstop {
        let (ledger, degraded) = self.open_ledger();
        if let Some(why) = &degraded {
            tracing::warn!(why, "tracking is degraded");
        }
        // Asked once while there is surely one process, so that a fork is noticed from here on.
        let _ = fork::is_original_process();
        Backstop::of(
            ledger,
            degraded,
            self.default_policy,
            self.policies,
            self.clock,
        )
    }

    fn open_ledger(&self) -> (Option<Ledger>, Option<String>) {
        let directories = match &self.tracking {
            Tracking::Off => return (None, None),
            Tracking::Anonymous => Vec::new(),
            Tracking::Directory(directory) => vec![directory.clone()],
            Tracking::Default => default_directories(),
        };
        let options = LedgerOptions { run: self.run };
        let mut failures = Vec::new();
        for directory in directories {
            match Ledger::create(&directory, &options) {
                Ok(ledger) => return (Some(ledger), None),
                Err(error) => failures.push(error.chain()),
            }
        }
        let anonymous = Ledger::anonymous().inspect_err(|error| failures.push(error.chain()));
        let degraded = (!failures.is_empty()).then(|| failures.join("; "));
        (anonymous.ok(), degraded)
    }
}
