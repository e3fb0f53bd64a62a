//! The command's whole tree, as a resource.

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use backstop_core::error::{Error, ErrorKind, Stage};
use backstop_core::policy::{CleanupPolicy, Order};
use backstop_core::resource::{
    Blocking, Kind, Presence, Progress, Recipe, Rung, Step, TrackedResource,
};
use backstop_os::cgroup::Cgroup;
use backstop_os::cgroup_identity::CgroupIdentity;
use backstop_os::identity::{Cookie, ProcessIdentity};
use backstop_os::pinned::PinnedProcess;
use backstop_os::signal::Signal;
use backstop_os::takedown::{Reap, Roots};
use backstop_os::tree;
use serde::{Deserialize, Serialize};

/// The kind of a run's tree.
pub(super) const KIND: Kind = Kind::new("process.run");

/// Everything beneath the supervisor. The supervisor's own loop asks and insists; what is released
/// here is what is left after that.
pub(super) struct Tree {
    label: String,
    cookie: Cookie,
    cgroup: Option<Cgroup>,
    leader: Option<ProcessIdentity>,
}

/// How a sweep finds the tree of a run whose guardian and supervisor were both killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunRecipe {
    /// Stands in the environment of every process of the tree.
    pub(super) cookie: Cookie,
    /// Where the tree's control group is or will be; its name carries the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cgroup_path: Option<PathBuf>,
    /// The tree's control group, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cgroup: Option<CgroupIdentity>,
    /// The command itself, once it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) leader: Option<ProcessIdentity>,
}

impl Tree {
    pub(super) fn new(label: String, cookie: Cookie, cgroup: Option<Cgroup>) -> Self {
        Self {
            label,
            cookie,
            cgroup,
            leader: None,
        }
    }

    /// Forcing is all that is left to do here, and it comes last: files may still be written.
    pub(super) fn policy() -> CleanupPolicy {
        CleanupPolicy::default()
            .with_deadline(Rung::Ask, Duration::ZERO)
            .with_deadline(Rung::Insist, Duration::ZERO)
            .with_deadline(Rung::Force, Duration::from_secs(10))
            .with_order(Order::First)
    }

    pub(super) fn recipe_of(&self) -> RunRecipe {
        RunRecipe {
            cookie: self.cookie,
            cgroup_path: None,
            cgroup: self.cgroup.as_ref().map(|group| group.identity().clone()),
            leader: self.leader,
        }
    }

    pub(super) fn with_leader(mut self, leader: Option<ProcessIdentity>) -> Self {
        self.leader = leader;
        self
    }

    pub(super) fn without_cgroup(mut self) -> Self {
        if let Some(group) = self.cgroup.take() {
            // Nobody entered it; if it stays, it is empty and a sweep removes it.
            let _ = group.remove();
        }
        self
    }

    pub(super) fn cgroup(&self) -> Option<&Cgroup> {
        self.cgroup.as_ref()
    }

    /// Every living process of the tree: those beneath this process, and those of the control group,
    /// should one have become somebody else's child.
    pub(super) fn members(&self) -> Vec<PinnedProcess> {
        let mut found = tree::members(Roots::DescendantsOfSelf, &[])
            .map(|scan| scan.found)
            .unwrap_or_default();
        if let Some(group) = &self.cgroup
            && let Ok(scan) = tree::members(Roots::Cgroup(group), &[])
        {
            for process in scan.found {
                if !found.iter().any(|known| known.pid() == process.pid()) {
                    found.push(process);
                }
            }
        }
        found
    }

    pub(super) fn signal(&self, signal: Signal) {
        for process in self.members() {
            // One that ended meanwhile needs no signal, and one that refuses it is killed later.
            let _ = process.signal(signal);
        }
    }
}

/// Collects the exit statuses of all children that have ended.
pub(super) fn reap() -> Vec<(i32, ExitStatus)> {
    tree::reap_children(&[]).unwrap_or_default()
}

impl TrackedResource for Tree {
    fn kind(&self) -> Kind {
        KIND
    }

    fn label(&self) -> Cow<'static, str> {
        self.label.clone().into()
    }

    fn recipe(&self) -> Option<Recipe> {
        Recipe::of(&self.recipe_of()).ok()
    }

    /// With nobody left there is nobody to wait for: what remains is to remove an empty group.
    fn blocking(&self) -> Blocking {
        if self.members().is_empty() {
            Blocking::Never
        } else {
            Blocking::Possible
        }
    }

    fn release(&self, step: &Step) -> Result<Progress, Error> {
        let failed = |error| Error::io(Stage::Release, "the tree cannot be taken down", error);
        let deadline = step.deadline.instant();
        if let Some(group) = &self.cgroup {
            group.kill().map_err(failed)?;
        }
        let takedown =
            tree::kill_until_empty(Roots::DescendantsOfSelf, &[], Reap::OwnChildren, deadline)
                .map_err(failed)?;
        if !takedown.is_empty {
            return Err(
                Error::new(ErrorKind::Deadline, Stage::Release, "processes do not die")
                    .with("alive", takedown.survivors.len()),
            );
        }
        if let Some(group) = &self.cgroup {
            group.wait_empty(deadline).map_err(failed)?;
            group.remove().map_err(failed)?;
        }
        Ok(Progress::Done)
    }

    fn verify(&self) -> Presence {
        let alive: Vec<String> = self
            .members()
            .iter()
            .filter_map(|process| process.stat().ok())
            .map(|stat| format!("pid {} ({})", stat.pid, stat.comm))
            .collect();
        if alive.is_empty() {
            Presence::Gone
        } else {
            Presence::present(alive.join(", "))
        }
    }
}
