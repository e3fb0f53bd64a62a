//! How the tree of a child is held together, chosen by trying.

use std::fmt;

use backstop_os::pinned::PinnedProcess;
use backstop_os::process;
use serde::{Deserialize, Serialize};

/// How the tree of a child is held together, from the weakest to the strongest. A weaker one is never
/// called equal to a stronger one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Containment {
    /// Only the child itself.
    ///
    /// When it does not hold: whatever the child started.
    ChildOnly,
    /// The child's process group.
    ///
    /// When it does not hold: a descendant with a group or session of its own.
    ProcessGroup,
    /// The child's descendants, every process whose environment carries the child's cookie, and the
    /// descendants of these.
    ///
    /// When it does not hold: a descendant that shows no cookie *and* lost its parents before it was
    /// found for the first time.
    Walk,
    /// Orphans become children of this process, which walks its descendants until none is left. Only for
    /// a process that starts nothing else, such as the supervisor of `backstop run`.
    ///
    /// When it does not hold: that process was killed too, and a sweep finds what it left as `Walk` does.
    Subreaper,
    /// A cgroup of version 2, which the kernel kills at once, whatever is forked meanwhile; and what
    /// [`Walk`](Self::Walk) finds, for a process that was moved to another cgroup.
    ///
    /// When it does not hold: a process that was moved to another cgroup, as `Walk`.
    Cgroup,
}

impl Containment {
    /// The strongest but for cgroups and subreapers, which depend on more than the machine.
    pub(super) fn strongest_walk() -> Self {
        let own = std::process::id();
        if process::identity_of_self().is_ok() {
            Self::Walk
        } else if i32::try_from(own).is_ok_and(|own| PinnedProcess::pin(own).is_ok()) {
            Self::ProcessGroup
        } else {
            Self::ChildOnly
        }
    }
}

impl fmt::Display for Containment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::ChildOnly => "child only",
            Self::ProcessGroup => "process group",
            Self::Walk => "walk",
            Self::Subreaper => "subreaper",
            Self::Cgroup => "cgroup",
        })
    }
}
