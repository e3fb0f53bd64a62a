//! What happens to a server.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What happened to a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
#[non_exhaustive]
pub enum ServerEvent {
    /// A child was started.
    Started {
        /// Its process number.
        pid: u32,
    },
    /// It is healthy for the first time.
    Ready {
        /// Its process number.
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
    /// The child ended, or was ended because it was not well; its tree was released.
    Ended {
        /// Why.
        reason: String,
        /// The outcome of the release of its tree.
        release: String,
    },
    /// Another one will be started.
    Restarting {
        /// After this pause.
        pause: Duration,
    },
    /// It died too often and is not started again.
    GaveUp {
        /// Why the last one ended.
        reason: String,
    },
    /// Its child was released from outside, and no other is started.
    Stopped,
}

/// What a server is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ServerState {
    /// The first child is on its way.
    Starting,
    /// It runs and is well.
    Healthy,
    /// Its child is gone and another one is on its way.
    Restarting,
    /// It died too often.
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

/// What a server did so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerStatistics {
    /// What it is doing.
    pub state: ServerState,
    /// The process number of the child that runs now.
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
