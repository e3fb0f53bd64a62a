//! What is run, within which limits, and on whose behalf.

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

/// The rules for a run's tree. The supervisor's own loop asks and insists: forcing is all that is left to
/// do, and it comes last, because files may still be written.
pub(super) fn tree_policy() -> CleanupPolicy {
    CleanupPolicy::default()
        .with_deadline(Rung::Ask, Duration::ZERO)
        .with_deadline(Rung::Insist, Duration::ZERO)
        .with_deadline(Rung::Force, Duration::from_secs(10))
        .with_order(Order::First)
}

/// What containment is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainmentChoice {
    /// The strongest that is available here.
    #[default]
    Strongest,
    /// This one, or none of the stronger.
    Only(Containment),
}

/// A command and how it is to be run.
#[derive(Debug, Clone)]
pub struct RunPlan {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The longest that it may run. Default: for ever.
    pub timeout: Option<Duration>,
    /// How long the command has to end after it was asked to. Default: 2 s.
    pub grace: Duration,
    /// How long the rest of its tree has after that before it is killed. Default: 3 s.
    pub kill_after: Duration,
    /// The most memory that the whole tree may have resident. Default: no limit.
    pub memory: Option<Bytes>,
    /// The most files that each process may have open. Default: as inherited.
    pub open_files: Option<u64>,
    /// How the tree is held together. Default: the strongest that can be had.
    pub containment: ContainmentChoice,
    /// Where the run's ledger is kept. Default: the user's ledger directory.
    pub tracking: Tracking,
    /// Whether the command's temp directory stays. Default: it goes.
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

    /// The command as one line, for people.
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

/// What the program around a run brings: this crate knows no other family and prints nothing.
pub trait Host {
    /// Makes the command's own temp directory. Called in the supervisor.
    ///
    /// # Errors
    /// It cannot be made; the command then runs with the inherited one, and the report says so.
    fn open_scratch(&self, backstop: Backstop) -> Result<Box<dyn Scratch>, Error>;

    /// The reclaimers of every family whose leftovers a run may find.
    fn reclaimers(&self) -> Reclaimers;

    /// Is told that the command has begun, for whoever wants to watch it. Called in the supervisor; what
    /// it starts there ends with [`finish`](Self::finish).
    fn started(&self, _backstop: Backstop, _tree: &StartedTree) {}

    /// Takes the account, shows it, and gives the exit code. Called once, by whichever process is
    /// left to make the account.
    fn finish(&self, report: &RunReport) -> u8;
}

/// A command that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedTree {
    /// The number of its first process.
    pub leader: i32,
    /// The directory of the control group that holds all of it, if one does.
    pub cgroup: Option<PathBuf>,
}

/// A temp directory of a run.
pub trait Scratch {
    /// Where it is.
    fn path(&self) -> &Path;

    /// Removes it with all that is in it.
    fn release(self: Box<Self>) -> Release;

    /// Lets it stay, and gives the path that it has from here on.
    ///
    /// # Errors
    /// It could not be kept.
    fn keep(self: Box<Self>) -> Result<PathBuf, Error>;
}
