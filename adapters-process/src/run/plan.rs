//! What is run, within which limits, and for which program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_core::Backstop;
use backstop_core::error::Error;
use backstop_core::policy::{CleanupPolicy, Order};
use backstop_core::reclaim::Reclaimers;
use backstop_core::release::{Release, Tracking};
use backstop_core::resource::{Bytes, Kind, Rung};
use backstop_core::tree::Containment;

use super::report::RunReport;

/// The kind of a run's tree.
pub(super) const KIND: Kind = Kind::new("process.run");

/// The policy of a run's tree. The supervisor's own loop asks and insists, so only forcing is left. Trees
/// are released first, because their processes may still write files.
pub(super) fn tree_policy() -> CleanupPolicy {
    CleanupPolicy::default()
        .with_deadline(Rung::Ask, Duration::ZERO)
        .with_deadline(Rung::Insist, Duration::ZERO)
        .with_deadline(Rung::Force, Duration::from_secs(10))
        .with_order(Order::First)
}

/// The requested containment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainmentChoice {
    /// The strongest available on this machine.
    #[default]
    Strongest,
    /// This one, or a weaker one if it is unavailable.
    Only(Containment),
}

/// A command and how it is to be run.
#[derive(Debug, Clone)]
pub struct RunPlan {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Maximum run time. Default: no limit.
    pub timeout: Option<Duration>,
    /// Time to exit after SIGTERM, before the rest of the tree is signalled. Default: 2 s.
    pub grace: Duration,
    /// Time between SIGTERM and SIGKILL for the remaining processes. Default: 3 s.
    pub kill_after: Duration,
    /// Maximum resident memory of the whole tree. Default: no limit.
    pub memory: Option<Bytes>,
    /// Maximum number of open files of each process. Default: as inherited.
    pub open_files: Option<u64>,
    /// How descendants are tracked. Default: the strongest mechanism available.
    pub containment: ContainmentChoice,
    /// Location of the run's ledger. Default: the user's ledger directory.
    pub tracking: Tracking,
    /// Whether the command's temp directory is kept. Default: it is removed.
    pub keep_files: bool,
}

impl RunPlan {
    /// A command with the defaults.
    #[must_use]
    pub fn of(command: Vec<OsString>) -> Self {
        Self {
            command,
            timeout: None,
            grace: Duration::from_secs(2),
            kill_after: Duration::from_secs(3),
            memory: None,
            open_files: None,
            containment: ContainmentChoice::Strongest,
            tracking: Tracking::Default,
            keep_files: false,
        }
    }

    /// The command as one line, for messages.
    #[must_use]
    pub fn command_line(&self) -> String {
        let words: Vec<_> = self
            .command
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        words.join(" ")
    }
}

/// What the calling program provides: this crate prints nothing and knows no other kinds of resources.
pub trait Host {
    /// Creates the command's own temp directory. Called in the supervisor.
    ///
    /// # Errors
    /// It cannot be created; the command then runs with the inherited one, and the report contains a note.
    fn open_scratch(&self, backstop: Backstop) -> Result<Box<dyn Scratch>, Error>;

    /// The reclaimers of all kinds of which a run may find leftovers.
    fn reclaimers(&self) -> Reclaimers;

    /// Called in the supervisor when the command was started, for example to monitor it. What this starts
    /// must end with [`finish`](Self::finish).
    fn started(&self, _backstop: Backstop, _tree: &StartedTree) {}

    /// Receives the report and returns the exit code of the run. Called once: in the supervisor, or in
    /// the guardian if the supervisor was killed.
    fn finish(&self, report: &RunReport) -> u8;
}

/// A command that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedTree {
    /// The PID of its first process.
    pub leader: i32,
    /// The directory of the tree's cgroup, if it has one.
    pub cgroup: Option<PathBuf>,
}

/// The temp directory of a run.
pub trait Scratch {
    /// Its path.
    fn path(&self) -> &Path;

    /// Removes it with all that is in it.
    fn release(self: Box<Self>) -> Release;

    /// Keeps it, and returns its path from then on.
    ///
    /// # Errors
    /// It could not be kept.
    fn keep(self: Box<Self>) -> Result<PathBuf, Error>;
}
