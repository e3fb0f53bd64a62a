//! The account of a run.

use std::path::PathBuf;
use std::time::Duration;

use backstop_core::reclaim::SweepReport;
use backstop_core::resource::Bytes;
use backstop_core::tree::Containment;
use serde::Serialize;

use super::left_processes::LeftProcess;

/// What a command did, what it left behind, and what became of that.
#[derive(Debug, Serialize)]
pub struct RunReport {
    /// The command as one line.
    pub command: String,
    /// How the tree was held together.
    pub containment: Containment,
    /// Why a stronger containment could not be had, where one was tried.
    pub containment_notes: Vec<String>,
    /// How it ended.
    pub ending: Ending,
    /// The command's own exit code, or 128 plus the signal that ended it.
    pub code: u8,
    /// The signal that killed the command, if one did: an exit code of 128 and more may be its own.
    pub signal: Option<i32>,
    /// How long it ran.
    #[serde(serialize_with = "seconds")]
    pub took: Duration,
    /// The processes that were alive when the command had ended, and what became of each.
    pub processes: Vec<LeftProcess>,
    /// What was in its temp directory when it had ended.
    pub files: Option<LeftFiles>,
    /// Resident memory of the processes that it left.
    pub memory: Bytes,
    /// What programs under it left in ledgers of their own.
    pub swept: SweepReport,
    /// What could not be released, or not verified: empty if nothing is left.
    pub stuck: Vec<String>,
    /// What did not work as it should and did not stop the run.
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
        /// Why not.
        error: String,
        /// Whether there is no such program, or it may not be executed.
        missing: bool,
    },
    /// A signal to the run ended it.
    Signal {
        /// Which.
        signal: String,
    },
    /// It ran longer than it may.
    Timeout {
        /// The limit, in seconds.
        limit: f64,
    },
    /// Its tree had more memory than it may.
    Memory {
        /// The limit.
        limit: Bytes,
        /// What it had.
        resident: Bytes,
    },
    /// The guardian was killed; the supervisor took the tree down.
    GuardianLost,
    /// The supervisor was killed; the guardian took the tree down.
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
    /// Where it is kept, if that was asked for.
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

fn seconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}
