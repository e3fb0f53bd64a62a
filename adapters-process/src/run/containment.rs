//! How a tree is held together, chosen by trying.

use std::fmt;

use backstop_os::cgroup::Cgroup;
use backstop_os::identity::Cookie;
use serde::Serialize;

/// How a run's tree is held together. The weaker are never called equal to the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Containment {
    /// A control group: the kernel kills all of it at once, whatever it forks meanwhile.
    Cgroup,
    /// Orphans come to the supervisor, which walks its descendants until none is left.
    Subreaper,
}

impl fmt::Display for Containment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Cgroup => "cgroup",
            Self::Subreaper => "subreaper",
        })
    }
}

/// What containment is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainmentChoice {
    /// The strongest that can be had here.
    #[default]
    Strongest,
    /// This one, or none of the stronger.
    Only(Containment),
}

/// The control group of a run, if one can be had and is wanted; else why not.
pub(super) fn open_cgroup(
    choice: ContainmentChoice,
    cookie: Cookie,
) -> Result<Option<Cgroup>, String> {
    if choice == ContainmentChoice::Only(Containment::Subreaper) {
        return Ok(None);
    }
    Cgroup::create(&cgroup_name(cookie))
        .map(Some)
        .map_err(|error| format!("no control group: {error}"))
}

/// The name carries the cookie, so that a group whose maker died before it was recorded is found.
pub(super) fn cgroup_name(cookie: Cookie) -> String {
    format!("backstop-{cookie}")
}
