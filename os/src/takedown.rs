//! Which processes are to be taken down, and what came of it.

use std::process::ExitStatus;

use super::cgroup::Cgroup;
use super::pinned::PinnedProcess;
use super::process_stat::ProcessStat;
use crate::identity::Cookie;

/// Where the processes of a tree are found.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Roots<'a> {
    /// All descendants of this process. Complete when this process is a subreaper, because orphans
    /// then become its children, whatever session or group they made.
    DescendantsOfSelf,
    /// One process and its descendants.
    ///
    /// When it does not hold: a descendant whose parents died belongs to somebody else by then and
    /// is not found; look by cookie as well.
    DescendantsOf(&'a PinnedProcess),
    /// Several processes and their descendants, in one look: of hundreds, a look for each would cost
    /// as much as all of them together, hundreds of times.
    ///
    /// When it does not hold: as for one.
    DescendantsOfAny(&'a [&'a PinnedProcess]),
    /// Every process whose environment carries the cookie, wherever it went.
    ///
    /// When it does not hold: a process that was executed with an emptied environment, or that
    /// overwrote its own, is not found.
    WithCookie(&'a Cookie),
    /// Every process in a control group and the groups beneath it.
    Cgroup(&'a Cgroup),
}

/// Whether the exit statuses of this process's own children are collected on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reap {
    /// Of the children that belong to the tree, each by its own pidfd.
    OwnChildren,
    /// Of none: the host program waits for its children itself.
    Nothing,
}

/// What came of taking a tree down.
#[derive(Debug, Default)]
#[must_use = "there may be survivors"]
pub struct Takedown {
    /// Whether the tree was found empty, in the way that its roots allow to prove. `false`: the
    /// deadline came first.
    pub is_empty: bool,
    /// The processes that still live at the deadline.
    pub survivors: Vec<ProcessStat>,
    /// The children that were reaped, with their statuses.
    pub reaped: Vec<(i32, ExitStatus)>,
    /// Processes that were killed, each counted once per pass.
    pub kills: usize,
    /// The most processes that one pass could not look into or could not pin.
    pub unreadable: usize,
}
