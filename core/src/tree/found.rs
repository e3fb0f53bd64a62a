//! What is found of one recorded tree, and taking it down.

use std::io;

use backstop_os::cgroup::{Cgroup, is_removed};
use backstop_os::identity::Refusal;
use backstop_os::pinned::{PinnedProcess, still_running};
use backstop_os::scan::Scan;
use backstop_os::signal::Signal;
use backstop_os::takedown::{Kinship, Reap, Relative, Roots, Traces};
use backstop_os::tree;
use std::time::Duration;

use super::contained_child::member;
use super::recipe::TreeRecipe;
use crate::reclaim::{Authority, Judgement, Reclaimed};
use crate::release::Outcome;
use crate::resource::{Bytes, Deadline};

/// How often a tree is searched again while one of its processes may be executing a program: together
/// far longer than it takes from fork to exec.
const BIRTH_SEARCHES: u32 = 5;
const BIRTH_PAUSE: Duration = Duration::from_millis(10);
/// How many processes the evidence names one by one.
const NAMED: usize = 16;

/// What a search found of a recorded tree.
#[derive(Default)]
pub(super) struct Found {
    pub(super) processes: Vec<PinnedProcess>,
    pub(super) cgroup: Option<Cgroup>,
    evidence: Vec<String>,
    /// What may be of the tree, and is not proven to be.
    unproven: Vec<String>,
    /// How many processes could not be identified yet.
    unsettled: usize,
}

impl Found {
    fn search(recipe: &TreeRecipe) -> io::Result<Self> {
        let mut found = Self::search_without_cookie(recipe)?;
        found.add_relatives(tree::with_cookies(&[recipe.cookie])?);
        Ok(found)
    }

    /// Searches for the cgroup and the first process, and what descends from them.
    pub(super) fn search_without_cookie(recipe: &TreeRecipe) -> io::Result<Self> {
        let mut found = Self::default();
        found.search_cgroup(recipe)?;
        found.search_leader(recipe)?;
        Ok(found)
    }

    /// Searches again for a child that may be on its way from fork to exec, where it shows no cookie yet,
    /// and for those that could not be identified: mostly strangers that execute a program just then.
    ///
    /// A child that this library starts keeps the ledger's lease until it executes, so that there is no
    /// sweep before; this is for owners of other versions, and for the last steps of the kernel's exec.
    pub(super) fn search_patiently(recipe: &TreeRecipe) -> io::Result<Self> {
        let mut found = Self::search(recipe)?;
        for _ in 0..BIRTH_SEARCHES {
            let may_come = recipe.leader.is_none() || found.unsettled > 0;
            if !may_come || !found.is_nothing() {
                break;
            }
            std::thread::sleep(BIRTH_PAUSE);
            found = Self::search(recipe)?;
        }
        Ok(found)
    }

    fn search_cgroup(&mut self, recipe: &TreeRecipe) -> io::Result<()> {
        let opened = match (&recipe.cgroup, &recipe.cgroup_place) {
            (Some(identity), _) => Cgroup::open(identity),
            // The owner died between making it and recording which one it is.
            (None, Some(place)) if recipe.names(place) => Cgroup::open_path(place),
            _ => return Ok(()),
        };
        let group = match opened {
            Ok(group) => group,
            Err(error) if is_removed(&error) => {
                self.evidence.push(format!("its cgroup is gone: {error}"));
                return Ok(());
            }
            Err(error) => {
                self.unproven
                    .push(format!("its cgroup cannot be opened: {error}"));
                return Ok(());
            }
        };
        let identity = group.identity();
        let place = identity.path.display();
        self.evidence.push(match &recipe.cgroup {
            Some(_) => format!("cgroup {place} has the recorded inode {}", identity.inode),
            None => format!("cgroup {place} has the cookie in its name"),
        });
        let traces = Roots::Traces(Traces {
            cgroup: Some(&group),
            ..Traces::default()
        });
        let scan = tree::members(traces, &[])?;
        self.add(scan, "is in the cgroup or descends from a process in it");
        self.cgroup = Some(group);
        Ok(())
    }

    fn search_leader(&mut self, recipe: &TreeRecipe) -> io::Result<()> {
        let Some(identity) = &recipe.leader else {
            self.evidence
                .push("its owner died before it was known which process it is".into());
            return Ok(());
        };
        match PinnedProcess::verify(identity, Some(&recipe.cookie)) {
            Ok(leader) => {
                let proof = match identity.pidfs_inode {
                    Some(inode) => format!("has the recorded pidfs inode {inode}"),
                    None => "has the recorded start, program and cookie".into(),
                };
                self.evidence.push(format!("{} {proof}", named(&leader)));
                let scan = tree::members(Roots::DescendantsOf(&leader), &[])?;
                self.add(scan, "is the first process or descends from it");
            }
            Err(refusal @ Refusal::Unprovable { .. }) => self.unproven.push(refusal.to_string()),
            Err(gone) => self.evidence.push(format!("the first process: {gone}")),
        }
        Ok(())
    }

    pub(super) fn add_relatives(&mut self, scan: Scan<Relative>) {
        self.unsettled += scan.unsettled;
        for relative in scan.found {
            let proof = match relative.kinship {
                Kinship::Carrier => "carries the cookie in its environment",
                Kinship::Descendant => "descends from a process that carries the cookie",
            };
            self.add_one(relative.process, proof);
        }
        if self.unsettled > 0 {
            self.unproven.push(format!(
                "{} processes could not be identified yet; run the sweep again",
                self.unsettled
            ));
        }
    }

    fn add(&mut self, scan: Scan<PinnedProcess>, proof: &str) {
        self.unsettled += scan.unsettled;
        for process in scan.found {
            self.add_one(process, proof);
        }
    }

    fn add_one(&mut self, process: PinnedProcess, proof: &str) {
        if self.processes.iter().any(|one| one.pid() == process.pid()) {
            return;
        }
        match self.processes.len() {
            0..NAMED => self.evidence.push(format!("{} {proof}", named(&process))),
            NAMED => self.evidence.push("and more of them".into()),
            _ => {}
        }
        self.processes.push(process);
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.processes.is_empty() && self.cgroup.is_none()
    }

    /// Whether every process that may be of the tree could be identified.
    pub(super) fn is_plain(&self) -> bool {
        self.unsettled == 0 && self.unproven.is_empty()
    }

    pub(super) fn judgement(self, recipe: &TreeRecipe) -> Judgement {
        let is_nothing = self.is_nothing();
        let mut evidence = self.evidence;
        if is_nothing {
            if !self.unproven.is_empty() {
                return Judgement::keep(self.unproven.join("; "));
            }
            evidence.push(format!("no process carries the cookie {}", recipe.cookie));
            return Judgement::gone(evidence.join("; "));
        }
        let mut act = format!(
            "SIGTERM to {}, then SIGKILL until none is left",
            count_of(self.processes.len())
        );
        if let Some(group) = &self.cgroup {
            let path = group.identity().path.display();
            act.push_str(&format!("; then remove the cgroup {path}"));
        }
        evidence.extend(self.unproven);
        Judgement::Reclaim {
            rule: "the processes of a dead owner go with everything that they started".into(),
            evidence,
            act,
        }
    }

    /// Searches for the tree and takes it down.
    pub(super) fn take_down(
        recipe: &TreeRecipe,
        _authority: &Authority<'_>,
        deadline: Deadline,
    ) -> io::Result<Reclaimed> {
        let found = Self::search(recipe)?;
        let mut count = found.processes.len();
        found.terminate();
        let grace = Deadline::after(recipe.grace()).earlier(deadline);
        still_running(&found.processes, grace.instant())?;
        // Those that were found stay proven by their pidfds, whatever becomes of their parents.
        let known: Vec<&PinnedProcess> = found.processes.iter().collect();
        let traces = Roots::Traces(Traces {
            cgroup: found.cgroup.as_ref(),
            cookie: Some(&recipe.cookie),
            processes: &known,
            ..Traces::default()
        });
        loop {
            // A guardian may be a child of the dead owner, but never a parent of its children.
            let takedown = tree::kill_until_empty(traces, &[], Reap::Nothing, deadline.instant())?;
            let after = Self::search(recipe)?;
            let left: Vec<&PinnedProcess> = after
                .processes
                .iter()
                .chain(found.processes.iter().filter(|one| !one.has_exited()))
                .collect();
            let is_empty = takedown.is_empty && left.is_empty() && after.unsettled == 0;
            if is_empty && found.dissolve()? {
                break;
            }
            if deadline.has_passed() {
                return Ok(match left[..] {
                    [] if after.unsettled > 0 => Reclaimed::stuck(after.unproven.join("; ")),
                    _ => still_there(&left, count),
                });
            }
            count = count.max(left.len());
        }
        Ok(found.released(count))
    }

    /// Asks every process to end. A stopped one takes the signal only when it continues.
    pub(super) fn terminate(&self) {
        for signal in [Signal::TERM, Signal::CONT] {
            for process in &self.processes {
                // One that is gone needs none, and one that refuses it is killed later.
                let _ = process.signal(signal);
            }
        }
    }

    /// Removes the cgroup; false if a process came into it since it was found empty: a child that was
    /// still on its way from fork to exec. One that comes later finds no group, and ends there.
    pub(super) fn dissolve(&self) -> io::Result<bool> {
        match self.cgroup.as_ref().map(Cgroup::remove) {
            Some(Err(error)) if error.kind() == io::ErrorKind::ResourceBusy => Ok(false),
            Some(Err(error)) if !is_removed(&error) => Err(error),
            _ => Ok(true),
        }
    }

    pub(super) fn released(&self, count: usize) -> Reclaimed {
        Reclaimed {
            outcome: Outcome::Released,
            count: count.max(self.processes.len()) as u64,
            bytes: Bytes(0),
        }
    }
}

fn still_there(left: &[&PinnedProcess], found: usize) -> Reclaimed {
    if left.is_empty() {
        return Reclaimed::stuck("no process is left in its cgroup, but it cannot be removed");
    }
    let named: Vec<String> = left.iter().take(NAMED).map(|one| named(one)).collect();
    Reclaimed {
        outcome: Outcome::Stuck {
            holder: Some(named.join(", ")),
            reason: format!("{} still running after SIGKILL", count_of(left.len())),
        },
        count: found.saturating_sub(left.len()) as u64,
        bytes: Bytes(0),
    }
}

fn count_of(processes: usize) -> String {
    match processes {
        1 => "1 process".into(),
        count => format!("{count} processes"),
    }
}

fn named(process: &PinnedProcess) -> String {
    let member = member(process);
    format!("process {} ({})", member.pid, member.command)
}
