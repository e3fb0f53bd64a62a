//! Which processes to terminate, and the result.

use std::process::ExitStatus;

use super::cgroup::Cgroup;
use super::pinned::PinnedProcess;
use super::process_stat::ProcessStat;
use crate::identity::Cookie;

/// How the processes of a tree are found.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Roots<'a> {
    /// All descendants of this process. Complete when this process is a subreaper, because orphans
    /// then become its children, whatever session or group they made.
    DescendantsOfSelf,
    /// One process and its descendants.
    ///
    /// When it does not hold: a descendant whose parents died has another parent by then and is not
    /// found; search by cookie as well.
    DescendantsOf(&'a PinnedProcess),
    /// Several processes and their descendants, in one scan: with hundreds of roots, one scan each
    /// would cost hundreds of times as much.
    ///
    /// When it does not hold: as for one process.
    DescendantsOfAny(&'a [&'a PinnedProcess]),
    /// Every process whose environment carries the cookie, wherever it is.
    ///
    /// When it does not hold: a process that shows no cookie and whose parents died is not found.
    WithCookie(&'a Cookie),
    /// Every process in a cgroup and its descendant cgroups.
    Cgroup(&'a Cgroup),
    /// Whatever is found by any of several traces, in one look.
    ///
    /// When it does not hold: only what none of its traces leads to is not found.
    Traces(Traces<'a>),
}

/// All by which one tree is known; the descendants of whatever is found are of it too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traces<'a> {
    /// Its cgroup.
    pub cgroup: Option<&'a Cgroup>,
    /// What its processes carry in their environment.
    pub cookie: Option<&'a Cookie>,
    /// Processes that were found earlier, wherever they are now.
    pub processes: &'a [&'a PinnedProcess],
    /// Whether everything beneath this process is of it.
    pub own_descendants: OwnDescendants,
}

/// Whether the descendants of this process are of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OwnDescendants {
    /// Only those that another trace leads to.
    #[default]
    Others,
    /// All of them: this process starts nothing else and adopts orphans.
    Members,
}

/// How a process was found by a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinship {
    /// It carries the cookie in its environment.
    Carrier,
    /// It descends from one that does.
    Descendant,
}

/// A process that was found by a cookie.
#[derive(Debug)]
pub struct Relative {
    /// The place of the cookie among those that were searched for.
    pub cookie: usize,
    /// How it was found.
    pub kinship: Kinship,
    /// The process.
    pub process: PinnedProcess,
}

/// Whether the exit statuses of this process's own children are collected during the takedown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reap {
    /// Of the children that belong to the tree, each by its own pidfd.
    OwnChildren,
    /// Of none: the host program waits for its children itself.
    Nothing,
}

/// The result of terminating a tree.
#[derive(Debug, Default)]
#[must_use = "there may be survivors"]
pub struct Takedown {
    /// Whether the tree was found empty, as far as its roots allow a proof. `false`: the deadline
    /// passed first.
    pub is_empty: bool,
    /// The processes that are still alive at the deadline.
    pub survivors: Vec<ProcessStat>,
    /// The children that were reaped, with their statuses.
    pub reaped: Vec<(i32, ExitStatus)>,
    /// Processes that were killed, each counted once per pass.
    pub kills: usize,
    /// The largest number of processes that a single pass could not read or could not pin.
    pub unreadable: usize,
}
