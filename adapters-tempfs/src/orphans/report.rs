//! The report of an orphan sweep.

use std::fmt;
use std::path::PathBuf;

use backstop_core::resource::Bytes;
use serde::Serialize;

/// The report of one sweep by one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use]
pub struct OrphanReport {
    /// The directory.
    pub directory: PathBuf,
    /// The name prefix.
    pub prefix: String,
    /// Minimum age, in seconds.
    pub older_than_seconds: u64,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// Number of entries that were removed; in a dry run, that would be.
    pub count: u64,
    /// Bytes that were freed; in a dry run, that would be.
    pub bytes: Bytes,
    /// Each entry whose name matched.
    pub entries: Vec<OrphanEntry>,
}

/// One entry whose name matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrphanEntry {
    /// Its path.
    pub path: PathBuf,
    /// The verdict.
    pub verdict: OrphanVerdict,
    /// The reason.
    pub why: String,
    /// Its size on disk.
    pub bytes: Bytes,
}

/// The verdict on an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OrphanVerdict {
    /// It was removed.
    Removed,
    /// It would be removed.
    WouldRemove,
    /// It is too young.
    Young,
    /// It shows a sign of use, or could not be checked.
    Kept,
    /// Its removal failed or is incomplete.
    Failed,
}

impl OrphanReport {
    /// Whether a sweep did or would remove something, or failed to.
    #[must_use]
    pub fn found_something(&self) -> bool {
        use OrphanVerdict::{Failed, Removed, WouldRemove};
        self.entries
            .iter()
            .any(|entry| matches!(entry.verdict, Removed | WouldRemove | Failed))
    }
}

impl fmt::Display for OrphanVerdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Removed => "removed",
            Self::WouldRemove => "would-remove",
            Self::Young => "young",
            Self::Kept => "kept",
            Self::Failed => "failed",
        })
    }
}

impl fmt::Display for OrphanEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(
            formatter,
            "{} {path} ({}): {}",
            self.verdict, self.bytes, self.why
        )
    }
}
