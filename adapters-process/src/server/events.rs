//! The events, the state and the counters of a server.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// An event of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
#[non_exhaustive]
pub enum ServerEvent {
    /// A child was started.
    Started {
        /// Its PID.
        pid: u32,
    },
    /// It is healthy for the first time.
    Ready {
        /// Its PID.
        pid: u32,
        /// How long it took.
        after: Duration,
    },
    /// A health check failed.
    HealthFailed {
        /// Why.
        reason: String,
        /// How many checks in a row have failed.
        in_a_row: u32,
    },
    /// The child exited, or was terminated because it was unhealthy; its tree was released.
    Ended {
        /// Why.
        reason: String,
        /// The outcome of the release of its tree.
        release: String,
    },
    /// Another child will be started.
    Restarting {
        /// After this pause.
        pause: Duration,
    },
    /// The restart limit is reached; no further child is started.
    GaveUp {
        /// Why the last one ended.
        reason: String,
    },
    /// Its child was released from outside; no further child is started.
    Stopped,
}

/// The state of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ServerState {
    /// The first child is starting.
    Starting,
    /// It is running and healthy.
    Healthy,
    /// Its child is gone and another one is starting.
    Restarting,
    /// It reached the restart limit.
    GaveUp,
    /// It was released.
    Stopped,
}

impl fmt::Display for ServerState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Restarting => "restarting",
            Self::GaveUp => "gave up",
            Self::Stopped => "stopped",
        })
    }
}

/// Counters of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerStatistics {
    /// Its state.
    pub state: ServerState,
    /// The PID of the running child.
    pub pid: Option<u32>,
    /// Children started, the first included.
    pub starts: u64,
    /// Health checks.
    pub looks: u64,
    /// Health checks that failed.
    pub failed_looks: u64,
    /// Why the last child ended.
    pub last_end: Option<String>,
}
