//! How the tree of a child is held together, chosen by trying.

use std::fmt;

use backstop_os::pinned::PinnedProcess;
use backstop_os::process;
use serde::{Deserialize, Serialize};

/// How the tree of a child is held together. A weaker one is never called equal to a stronger one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Containment {
    /// Nothing but the child itself.
    ///
    /// When it does not hold: whatever the child started.
    ChildOnly,
    /// The child's process group.
    ///
    /// When it does not hold: a descendant with a group or session of its own.
    ProcessGroup,
    /// The child's descendants, and every process whose environment carries the child's cookie.
    ///
    /// When it does not hold: a descendant that emptied its environment *and* lost its parents before
    /// the release began to look.
    Walk,
    /// A control group of version 2, which nothing in it can leave without the right to.
    Cgroup,
}

impl Containment {
    /// The strongest but control groups, which only trying can tell of.
    pub(crate) fn strongest_walk() -> Self {
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
            Self::Cgroup => "cgroup",
        })
    }
}
