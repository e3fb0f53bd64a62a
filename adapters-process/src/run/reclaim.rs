//! Taking down the tree of a run whose guardian and supervisor were both killed.

use std::time::{Duration, Instant};

use backstop_core::policy::Order;
use backstop_core::reclaim::{Authority, Judgement, Orphan, Reclaimed, Reclaimer};
use backstop_core::release::Outcome;
use backstop_core::resource::{Bytes, Deadline, Kind};
use backstop_os::cgroup::Cgroup;
use backstop_os::pinned::{PinnedProcess, still_running};
use backstop_os::process;
use backstop_os::scan::Scan;
use backstop_os::signal::Signal;
use backstop_os::takedown::{Reap, Roots};
use backstop_os::tree;

use super::tree::{KIND, RunRecipe};
use crate::reclaim::{BIRTH_LOOKS, BIRTH_PAUSE};
use crate::tree::is_gone;

/// Reclaims the trees of dead runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunReclaimer;

/// How long a process has to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// What is left of a run.
struct Remains {
    cgroup: Option<Cgroup>,
    processes: Vec<PinnedProcess>,
    evidence: Vec<String>,
    unreadable: usize,
    /// Why there may be more than was found.
    unproven: Vec<String>,
    /// How many processes could not be told just now.
    unsettled: usize,
}

impl Reclaimer for RunReclaimer {
    fn kinds(&self) -> &'static [Kind] {
        &[KIND]
    }

    fn order(&self) -> Order {
        Order::First
    }

    fn judge(&self, orphan: &Orphan<'_>) -> Judgement {
        let recipe: RunRecipe = match orphan.read_recipe() {
            Ok(recipe) => recipe,
            Err(error) => return Judgement::keep(error.chain()),
        };
        if !orphan.is_of_this_boot() {
            return Judgement::gone("no process and no control group outlived the boot");
        }
        match process::identity_of_self() {
            Ok(own) if own.pid_namespace == orphan.owner.process.pid_namespace => {}
            Ok(own) => {
                return Judgement::keep(format!(
                    "its processes are of pid namespace {}, this is {}: their numbers mean nothing here",
                    orphan.owner.process.pid_namespace, own.pid_namespace
                ));
            }
            Err(error) => return Judgement::keep(format!("/proc cannot be read: {error}")),
        }
        let remains = Remains::look_patiently(&recipe);
        if remains.processes.is_empty() && remains.cgroup.is_none() {
            if !remains.unproven.is_empty() {
                return Judgement::keep(remains.unproven.join("; "));
            }
            return Judgement::gone(format!(
                "no process carries the cookie {}, and it has no control group ({} processes could not be read)",
                recipe.cookie, remains.unreadable
            ));
        }
        Judgement::Reclaim {
            rule: "the run's guardian and supervisor are dead: nobody else will end its tree"
                .into(),
            act: remains.act(),
            evidence: remains.evidence,
        }
    }

    fn reclaim(
        &self,
        orphan: &Orphan<'_>,
        _authority: &Authority,
        deadline: Deadline,
    ) -> Reclaimed {
        let recipe: RunRecipe = match orphan.read_recipe() {
            Ok(recipe) => recipe,
            Err(error) => return Reclaimed::stuck(error.chain()),
        };
        let remains = Remains::of(&recipe);
        let count = remains.processes.len() as u64;
        match remains.take_down(&recipe, deadline) {
            Ok(()) => {}
            Err(error) => return Reclaimed::stuck(error.to_string()),
        }
        let left = Remains::look_patiently(&recipe);
        if left.is_nothing() {
            Reclaimed {
                outcome: Outcome::Released,
                count,
                bytes: Bytes(0),
            }
        } else {
            Reclaimed::stuck([left.evidence, left.unproven].concat().join("; "))
        }
    }
}

impl Remains {
    /// Looks, and again if nothing is found and somebody could not be told.
    fn look_patiently(recipe: &RunRecipe) -> Self {
        let mut remains = Self::of(recipe);
        for _ in 0..BIRTH_LOOKS {
            if !remains.processes.is_empty() || remains.unsettled == 0 {
                break;
            }
            std::thread::sleep(BIRTH_PAUSE);
            remains = Self::of(recipe);
        }
        remains
    }

    fn of(recipe: &RunRecipe) -> Self {
        let mut remains = Self {
            cgroup: None,
            processes: Vec::new(),
            evidence: Vec::new(),
            unreadable: 0,
            unproven: Vec::new(),
            unsettled: 0,
        };
        remains.look_into_cgroup(recipe);
        remains.look_for_cookie(recipe);
        remains.look_beneath_leader(recipe);
        if remains.unsettled > 0 {
            remains.unproven.push(format!(
                "{} processes could not be told just now: a later look tells",
                remains.unsettled
            ));
        }
        remains
    }

    /// Whether it is certain that nothing is left.
    fn is_nothing(&self) -> bool {
        self.processes.is_empty() && self.cgroup.is_none() && self.unproven.is_empty()
    }

    fn look_into_cgroup(&mut self, recipe: &RunRecipe) {
        let (group, proof) = match (&recipe.cgroup, &recipe.cgroup_path) {
            (Some(identity), _) => (Cgroup::open(identity), "has the recorded inode"),
            (None, Some(path)) => (Cgroup::open_path(path), "carries the cookie in its name"),
            (None, None) => return,
        };
        let group = match group {
            Ok(group) => group,
            Err(error) => {
                if !is_gone(&error) {
                    self.unproven
                        .push(format!("its control group cannot be opened: {error}"));
                }
                return;
            }
        };
        let path = group.identity().path.display().to_string();
        match tree::members(Roots::Cgroup(&group), &[]) {
            Ok(scan) => {
                self.evidence.push(format!(
                    "control group {path} {proof} and holds {} processes",
                    scan.found.len()
                ));
                self.add(scan, "is in the run's control group");
            }
            Err(error) => self.evidence.push(format!(
                "control group {path} {proof}, and cannot be looked into: {error}"
            )),
        }
        self.cgroup = Some(group);
    }

    fn look_for_cookie(&mut self, recipe: &RunRecipe) {
        match tree::members(Roots::WithCookie(&recipe.cookie), &[]) {
            Ok(scan) => self.add(scan, "carries the run's cookie in its environment"),
            Err(error) => self
                .unproven
                .push(format!("the processes cannot be read: {error}")),
        }
    }

    /// A leader that cleared its environment is still the recorded one, and its children are its own.
    fn look_beneath_leader(&mut self, recipe: &RunRecipe) {
        let Some(identity) = &recipe.leader else {
            return;
        };
        let scan = match PinnedProcess::verify(identity, Some(&recipe.cookie)) {
            Ok(leader) => tree::members(Roots::DescendantsOf(&leader), &[]),
            Err(refusal) => {
                if !refusal.proves_gone() {
                    self.unproven.push(refusal.to_string());
                }
                return;
            }
        };
        match scan {
            Ok(scan) => self.add(scan, "is or descends from the recorded command"),
            Err(error) => self.unproven.push(format!(
                "the recorded command cannot be looked beneath: {error}"
            )),
        }
    }

    fn add(&mut self, scan: Scan<PinnedProcess>, proof: &str) {
        self.unreadable += scan.unreadable;
        self.unsettled += scan.unsettled;
        for process in scan.found {
            if self
                .processes
                .iter()
                .all(|known| known.pid() != process.pid())
            {
                let name = process.stat().map_or_else(|_| "?".into(), |stat| stat.comm);
                self.evidence
                    .push(format!("pid {} ({name}) {proof}", process.pid()));
                self.processes.push(process);
            }
        }
    }

    fn act(&self) -> String {
        let pids: Vec<String> = self
            .processes
            .iter()
            .map(|process| process.pid().to_string())
            .collect();
        let mut acts = Vec::new();
        if !pids.is_empty() {
            acts.push(format!(
                "pidfd_send_signal SIGTERM, after {GRACE:?} SIGKILL, to {}",
                pids.join(" ")
            ));
        }
        if let Some(group) = &self.cgroup {
            let path = group.identity().path.display();
            acts.push(format!("write 1 to {path}/cgroup.kill, rmdir {path}"));
        }
        acts.join("; ")
    }

    fn take_down(&self, recipe: &RunRecipe, deadline: Deadline) -> std::io::Result<()> {
        for process in &self.processes {
            // One that refuses, because it became another user's, must not keep the others.
            let _ = process.signal(Signal::TERM);
            let _ = process.signal(Signal::CONT);
        }
        let grace = (Instant::now() + GRACE).min(deadline.instant());
        still_running(&self.processes, grace)?;
        if let Some(group) = &self.cgroup {
            group.kill()?;
            group.wait_empty(deadline.instant())?;
        }
        let roots = Roots::WithCookie(&recipe.cookie);
        let _ = tree::kill_until_empty(roots, &[], Reap::Nothing, deadline.instant())?;
        for process in &self.processes {
            let _ = process.signal(Signal::KILL);
        }
        still_running(&self.processes, deadline.instant())?;
        match &self.cgroup {
            Some(group) => match group.remove() {
                Err(error) if !is_gone(&error) => Err(error),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }
}
