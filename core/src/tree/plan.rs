//! How a tree is going to be held together, written down before its first process is started.

use std::time::Duration;

use backstop_os::cgroup::Cgroup;
use backstop_os::identity::Cookie;
use backstop_os::subreaper::is_subreaper;

use super::containment::Containment;
use super::recipe::TreeRecipe;
use crate::error::Error;
use crate::release::{Intent, IntentDraft};
use crate::resource::Kind;

/// Sets up a tree that is not started yet.
///
/// # Examples
/// ```
/// use std::process::Command;
/// use backstop_core::Backstop;
/// use backstop_core::resource::Kind;
/// use backstop_core::tree::TreePlan;
/// use backstop_os::before_exec::BeforeExec;
///
/// let draft = Backstop::global().intend(Kind::new("example.helper"), "a helper");
/// let announced = TreePlan::new().announce(draft)?;
/// let spawned = announced.spawn(Command::new("sleep").arg("60"), BeforeExec::new())?;
/// let helper = spawned.intent.fulfil(spawned.child);
/// assert!(helper.members()?.iter().any(|member| member.pid == helper.pid() as i32));
/// assert!(helper.release().outcome.is_released());
/// # Ok::<(), backstop_core::error::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is written until `announce`"]
pub struct TreePlan {
    pub(super) cookie: Cookie,
    pub(super) role: Role,
    at_most: Containment,
    grace: Option<Duration>,
}

/// What the tree is to the process that starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// One child among others. Its descendants carry its cookie behind those of the owners above.
    Child,
    /// All that a process starts which does nothing else. Its descendants carry the cookie as their run's.
    Run,
}

impl TreePlan {
    /// The tree of one child, with a new cookie and the strongest containment there is.
    pub fn new() -> Self {
        Self::with(Cookie::random(), Role::Child)
    }

    /// The tree of a whole run, which carries the run's cookie: everything beneath this process is of it,
    /// if this process adopts orphans.
    pub fn of_run(cookie: Cookie) -> Self {
        Self::with(cookie, Role::Run)
    }

    fn with(cookie: Cookie, role: Role) -> Self {
        Self {
            cookie,
            role,
            at_most: Containment::Cgroup,
            grace: None,
        }
    }

    /// The strongest containment to try. Default: the strongest there is.
    pub fn at_most(mut self, containment: Containment) -> Self {
        self.at_most = containment;
        self
    }

    /// Time between SIGTERM and SIGKILL when it is reclaimed. Default: 250 ms; maximum: 5 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Writes down what is about to exist, so that a sweep finds it whenever this process is killed.
    ///
    /// # Errors
    /// The recipe takes more than [`Recipe::LIMIT`](crate::resource::Recipe::LIMIT) bytes.
    pub fn announce(self, draft: IntentDraft) -> Result<AnnouncedTree, Error> {
        let name = TreeRecipe::cgroup_name(self.cookie);
        let wants_cgroup = self.at_most == Containment::Cgroup;
        let cgroup_place = wants_cgroup.then(|| Cgroup::path_for(&name).ok()).flatten();
        let recipe = TreeRecipe {
            grace_ms: self
                .grace
                .map(|grace| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX)),
            ..TreeRecipe::of(self.cookie, cgroup_place)
        };
        let (kind, label) = (draft.kind(), draft.label().to_owned());
        Ok(AnnouncedTree {
            intent: draft.recipe(recipe.to_recipe()?).declare(),
            kind,
            label,
            recipe,
            plan: self,
        })
    }

    pub(super) fn wants_cgroup(&self) -> bool {
        self.at_most == Containment::Cgroup
    }

    /// What holds the tree together without a cgroup.
    pub(super) fn without_cgroup(&self) -> Containment {
        if self.adopts_orphans() {
            Containment::Subreaper
        } else {
            Containment::strongest_walk().min(self.at_most)
        }
    }

    pub(super) fn adopts_orphans(&self) -> bool {
        self.role == Role::Run && is_subreaper().unwrap_or(false)
    }
}

impl Default for TreePlan {
    fn default() -> Self {
        Self::new()
    }
}

/// A tree that is written in the ledger, and whose first process is not started yet.
#[derive(Debug)]
#[must_use = "a tree is announced to be started"]
pub struct AnnouncedTree {
    pub(super) intent: Intent,
    pub(super) kind: Kind,
    pub(super) label: String,
    pub(super) recipe: TreeRecipe,
    pub(super) plan: TreePlan,
}

impl AnnouncedTree {
    /// In the environment of every process of the tree.
    #[must_use]
    pub fn cookie(&self) -> Cookie {
        self.plan.cookie
    }
}
