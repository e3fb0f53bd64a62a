//! How far a walk through a tree may go.

use std::time::Instant;

/// Whose files and for how long: what bounds a removal or a survey.
#[derive(Debug, Clone)]
pub struct Limits {
    /// When to stop, finished or not. Default: never.
    pub deadline: Option<Instant>,
    /// Whose entries may be removed. Default: [`Owners::OnlyOurs`].
    pub owners: Owners,
    /// What to do about signs that somebody uses an entry. Default: [`Signs::Ignore`].
    pub signs: Signs,
    /// How many skipped entries are listed; the others are counted. Default: 64.
    pub listed: usize,
    /// How many directories are held open at once, at least 2. Default: 32.
    pub handles: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: None,
            owners: Owners::OnlyOurs,
            signs: Signs::Ignore,
            listed: 64,
            handles: 32,
        }
    }
}

/// Whose entries may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// Those of this process's effective user, also when that user is root.
    OnlyOurs,
    /// Anybody's: for a tree that is ours by proof and in which others wrote.
    Any,
}

/// Whether signs of use keep an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// Removed all the same: for a tree that is ours by proof.
    Ignore,
    /// Kept: entries with a BSD lock, sockets that are bound, devices, files with the sticky bit. For
    /// trees judged by a rule.
    Respect,
    /// As `Respect` for all below the first entry: for a caller who won the first entry's own lock
    /// before judging it, and whose lock would else be taken for somebody's.
    RespectBelow,
}
