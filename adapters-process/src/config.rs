//! The settings of this family, each with its default: policies of the kinds, and bounds.

use std::time::Duration;

use backstop_core::policy::{CleanupPolicy, Order};
use backstop_core::release::Backstop;
use backstop_core::resource::{Kind, Rung};

/// A child process with its whole tree.
pub const CHILD: Kind = Kind::new("process.child");
/// A child process that answers requests: [`ProcessWorker`](crate::ProcessWorker).
pub const PROCESS_WORKER: Kind = Kind::new("process.worker");
/// A long-lived child that is watched and started again: [`Server`](crate::Server).
pub const SERVER: Kind = Kind::new("process.server");
/// A thread: [`Worker`](crate::Worker).
pub const THREAD: Kind = Kind::new("process.thread");
/// A [`Timer`](crate::Timer).
pub const TIMER: Kind = Kind::new("process.timer");
/// An async task: `Task`, with the feature `tokio`.
pub const TASK: Kind = Kind::new("process.task");

/// The policy of child processes: 1 s to ask the child, 1 s to insist on its tree, 3 s to force. They are
/// released before other kinds, because they may still write to those.
#[must_use]
pub fn child_policy() -> CleanupPolicy {
    CleanupPolicy::default()
        .with_deadline(Rung::Ask, Duration::from_secs(1))
        .with_deadline(Rung::Insist, Duration::from_secs(1))
        .with_deadline(Rung::Force, Duration::from_secs(3))
        // The list of all processes is read for it, which may take long on a large machine.
        .with_verify_deadline(Duration::from_secs(5))
        .with_order(Order::First)
}

/// The policy of threads and timers: 5 s to stop. They cannot be forced; the last rung only has the time
/// for a final check.
#[must_use]
pub fn thread_policy() -> CleanupPolicy {
    CleanupPolicy::default()
        .with_deadline(Rung::Ask, Duration::from_secs(5))
        .with_deadline(Rung::Insist, Duration::ZERO)
        .with_deadline(Rung::Force, Duration::from_millis(100))
        .with_order(Order::First)
}

/// The policy of async tasks: 5 s to end by themselves, then 2 s for the abort to take effect.
#[must_use]
pub fn task_policy() -> CleanupPolicy {
    thread_policy().with_deadline(Rung::Force, Duration::from_secs(2))
}

/// The policy of servers: as long as their child's ladder may take, and 1 s more.
#[must_use]
pub fn server_policy() -> CleanupPolicy {
    child_policy()
        .with_deadline(Rung::Ask, Duration::from_secs(6))
        .with_deadline(Rung::Insist, Duration::ZERO)
        .with_deadline(Rung::Force, Duration::from_secs(1))
}

/// The policy that the user set for this resource, else for its kind, else this family's.
pub(crate) fn chosen(
    own: Option<CleanupPolicy>,
    backstop: &Backstop,
    kind: Kind,
    family: impl FnOnce() -> CleanupPolicy,
) -> CleanupPolicy {
    own.unwrap_or_else(|| {
        let of_kind = backstop.policy(kind);
        if of_kind == CleanupPolicy::default() {
            family()
        } else {
            of_kind
        }
    })
}

/// How much of a stream is kept: its beginning and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureLimits {
    /// The number of first bytes that are kept. Default: 64 KiB.
    pub head: usize,
    /// The number of last bytes that are kept. Default: 192 KiB.
    pub tail: usize,
    /// The longest line that a callback gets whole; a longer one comes in parts. Default: 64 KiB.
    pub line: usize,
}

impl Default for CaptureLimits {
    fn default() -> Self {
        Self {
            head: 64 << 10,
            tail: 192 << 10,
            line: 64 << 10,
        }
    }
}

/// How often a process that keeps dying is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartLimit {
    /// Maximum number of restarts within the window. Default: 1.
    pub restarts: u32,
    /// The window. Default: 5 s.
    pub window: Duration,
}

impl Default for RestartLimit {
    /// The default of Erlang's supervisors.
    fn default() -> Self {
        Self {
            restarts: 1,
            window: Duration::from_secs(5),
        }
    }
}

impl RestartLimit {
    /// At most `restarts` restarts within `window`.
    #[must_use]
    pub const fn new(restarts: u32, window: Duration) -> Self {
        Self { restarts, window }
    }

    /// Never again.
    #[must_use]
    pub const fn never() -> Self {
        Self::new(0, Duration::ZERO)
    }
}
