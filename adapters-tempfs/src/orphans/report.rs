//! What a rule found and did.

use std::fmt;
use std::path::PathBuf;

use backstop_core::resource::Bytes;
use serde::Serialize;

/// The account of one pass by one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use]
pub struct OrphanReport {
    /// Where it looked.
    pub directory: PathBuf,
    /// How the names began.
    pub prefix: String,
    /// How old an entry had to be, in seconds.
    pub older_than_seconds: u64,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// How many entries went; in a dry run, would go.
    pub count: u64,
    /// How many bytes came back; in a dry run, would.
    pub bytes: Bytes,
    /// Each entry whose name matched.
    pub entries: Vec<OrphanEntry>,
}

/// One entry whose name matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrphanEntry {
    /// Where.
    pub path: PathBuf,
    /// What became of it.
    pub verdict: OrphanVerdict,
    /// Why.
    pub why: String,
    /// How many bytes it held.
    pub bytes: Bytes,
}

/// What a rule says of an entry.
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
    /// Something speaks against it.
    Kept,
    /// It was to go and did not, or not all of it.
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
