//! The limits of a walk through a directory tree.

use std::time::Instant;

/// What bounds a removal or a survey: a deadline, the owners of the files and signs of use.
#[derive(Debug, Clone)]
pub struct WalkLimits {
    /// When to stop, finished or not. Default: no deadline.
    pub deadline: Option<Instant>,
    /// Whose entries may be removed. Default: [`Owners::OnlyOurs`].
    pub owners: Owners,
    /// How signs that an entry is in use are treated. Default: [`Signs::Ignore`].
    pub signs: Signs,
    /// How many skipped entries are listed; the rest are only counted. Default: 64.
    pub listed: usize,
    /// Maximum number of directories open at once, at least 2. Default: 32.
    pub handles: usize,
}

impl Default for WalkLimits {
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
    /// Any user's: for a tree that is proven to be ours and in which other users wrote.
    Any,
}

/// Whether signs of use keep an entry from being removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// Removed anyway: for a tree that is proven to be ours.
    Ignore,
    /// Kept: entries with a BSD lock, bound sockets, devices, files with the sticky bit. For trees
    /// that are selected by a rule.
    Respect,
    /// Like `Respect` for everything below the first entry: for a caller that acquired the lock of
    /// the first entry before inspecting it, and whose own lock would otherwise count as a sign of
    /// use.
    RespectBelow,
}
