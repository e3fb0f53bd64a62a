//! The report of a run.

use std::path::PathBuf;
use std::time::Duration;

use backstop_core::reclaim::SweepReport;
use backstop_core::resource::Bytes;
use backstop_core::tree::Containment;
use serde::Serialize;

use super::leftovers::LeftProcess;

/// How a command ended, what it left behind, and how that was cleaned up.
#[derive(Debug, Serialize)]
pub struct RunReport {
    /// The command as one line.
    pub command: String,
    /// How descendants were tracked.
    pub containment: Containment,
    /// Why a stronger containment was unavailable, if one was tried.
    pub containment_notes: Vec<String>,
    /// How it ended.
    pub ending: Ending,
    /// The command's own exit code, or 128 plus the signal that ended it.
    pub code: u8,
    /// The signal that killed the command, if one did. An exit code of 128 or more may also be the command's
    /// own.
    pub signal: Option<i32>,
    /// How long it ran.
    #[serde(serialize_with = "seconds")]
    pub took: Duration,
    /// The processes that were still alive after the command had exited, and how each of them ended.
    pub processes: Vec<LeftProcess>,
    /// What was in its temp directory after it had exited.
    pub files: Option<LeftFiles>,
    /// Resident memory of the processes that it left.
    pub memory: Bytes,
    /// What programs in its tree left in ledgers of their own.
    pub swept: SweepReport,
    /// What could not be released, or not verified: empty if nothing is left.
    pub stuck: Vec<String>,
    /// Problems that did not stop the run.
    pub notes: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
#[non_exhaustive]
pub enum Ending {
    /// The command ended by itself.
    Itself,
    /// The command could not be started.
    SpawnError {
        /// The error.
        error: String,
        /// Whether the program was not found; otherwise it could not be executed.
        missing: bool,
    },
    /// A signal to the run ended it.
    Signal {
        /// Its name.
        signal: String,
    },
    /// It exceeded its time limit.
    Timeout {
        /// The limit, in seconds.
        limit: f64,
    },
    /// Its tree exceeded its memory limit.
    Memory {
        /// The limit.
        limit: Bytes,
        /// The resident memory of the tree.
        resident: Bytes,
    },
    /// The guardian was killed; the supervisor terminated the tree.
    GuardianLost,
    /// The supervisor was killed; the guardian terminated the tree.
    SupervisorLost,
}

/// What was left in a run's temp directory.
#[derive(Debug, Clone, Serialize)]
pub struct LeftFiles {
    /// The directory.
    pub directory: PathBuf,
    /// Files, links and sockets.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Bytes on disk.
    pub bytes: Bytes,
    /// The first names in it.
    pub names: Vec<String>,
    /// Where it is kept, if that was requested.
    pub kept: Option<PathBuf>,
}

impl RunReport {
    /// Whether the command left nothing behind.
    #[must_use]
    pub fn left_nothing(&self) -> bool {
        self.processes.is_empty()
            && self.files.as_ref().is_none_or(|files| files.files == 0)
            && self.swept.items.is_empty()
            && self.stuck.is_empty()
    }

    /// How many ports the left processes listened on.
    #[must_use]
    pub fn ports(&self) -> usize {
        self.processes
            .iter()
            .map(|process| process.ports.len())
            .sum()
    }
}

fn seconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}
