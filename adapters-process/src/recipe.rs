//! How somebody else finds the tree of a child.

use std::path::PathBuf;

use backstop_os::cgroup_identity::CgroupIdentity;
use backstop_os::identity::{Cookie, ProcessIdentity};
use serde::{Deserialize, Serialize};

/// Written before the child is started, and completed twice: when it has a control group, and when
/// it is known which process it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChildRecipe {
    /// Stands in the environment of the child and of what it starts.
    pub(crate) cookie: Cookie,
    /// Where its control group was going to be made. The cookie is part of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cgroup_place: Option<PathBuf>,
    /// Its control group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cgroup: Option<CgroupIdentity>,
    /// The child itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leader: Option<ProcessIdentity>,
}

impl ChildRecipe {
    pub(crate) fn intent(cookie: Cookie, cgroup_place: Option<PathBuf>) -> Self {
        Self {
            cookie,
            cgroup_place,
            cgroup: None,
            leader: None,
        }
    }

    /// The name of the control group of a child with this cookie.
    pub(crate) fn cgroup_name(cookie: Cookie) -> String {
        format!("backstop-{cookie}")
    }
}
