//! How another process finds a tree.

use std::path::{Path, PathBuf};
use std::time::Duration;

use backstop_os::cgroup_identity::CgroupIdentity;
use backstop_os::identity::{Cookie, ProcessIdentity};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::resource::{Form, Recipe};

/// What is recorded of a tree, whatever its kind: written before its first process is started, and
/// completed twice: when it has a cgroup, and when it is known which process the first one is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeRecipe {
    /// The name of the form, which [`Recipe::of_form`] writes.
    #[serde(default, rename = "form", skip_serializing)]
    pub(super) _form: Option<IgnoredAny>,
    /// In the environment of the first process and of what it starts.
    pub cookie: Cookie,
    /// Where its cgroup was going to be made. The cookie is part of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_place: Option<PathBuf>,
    /// Its cgroup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<CgroupIdentity>,
    /// Its first process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<ProcessIdentity>,
    /// Milliseconds between SIGTERM and SIGKILL when it is reclaimed, if not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_ms: Option<u64>,
}

/// How long processes have to end by themselves: their owner is dead, and no process waits for their
/// result.
const GRACE: Duration = Duration::from_millis(250);
/// A recipe is not trusted to hold up a sweep.
const LONGEST_GRACE: Duration = Duration::from_secs(5);

impl TreeRecipe {
    /// The form of the recipe of every tree.
    pub const FORM: Form = Form::new("tree/1");

    /// All that is known before the first process is started.
    #[must_use]
    pub fn of(cookie: Cookie, cgroup_place: Option<PathBuf>) -> Self {
        Self {
            _form: None,
            cookie,
            cgroup_place,
            cgroup: None,
            leader: None,
            grace_ms: None,
        }
    }

    /// As it is written in a ledger.
    ///
    /// # Errors
    /// It takes more than [`Recipe::LIMIT`] bytes.
    pub fn to_recipe(&self) -> Result<Recipe, Error> {
        Recipe::of_form(Self::FORM, self)
    }

    /// The name of the cgroup of a tree with this cookie.
    pub(super) fn cgroup_name(cookie: Cookie) -> String {
        format!("backstop-{cookie}")
    }

    /// Whether the name of the path alone proves that a cgroup there is this tree's.
    pub(super) fn names(&self, place: &Path) -> bool {
        let name = Self::cgroup_name(self.cookie);
        place
            .file_name()
            .is_some_and(|found| found == name.as_str())
    }

    /// The time between SIGTERM and SIGKILL.
    pub(super) fn grace(&self) -> Duration {
        let chosen = self.grace_ms.map(Duration::from_millis);
        chosen.unwrap_or(GRACE).min(LONGEST_GRACE)
    }
}
