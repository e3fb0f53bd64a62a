//! Taking down the trees of a dead owner's children.

mod together;

use std::io;
use std::time::Duration;

use backstop_core::policy::Order;
use backstop_core::reclaim::{Authority, Judgement, Orphan, Reclaimed, Reclaimer};
use backstop_core::release::Outcome;
use backstop_core::resource::{Bytes, Deadline, Kind};
use backstop_os::cgroup::Cgroup;
use backstop_os::identity::Refusal;
use backstop_os::pinned::{PinnedProcess, still_running};
use backstop_os::process;
use backstop_os::scan::Scan;
use backstop_os::signal::Signal;
use backstop_os::takedown::{Reap, Roots};
use backstop_os::tree;

use crate::config;
use crate::recipe::ChildRecipe;
use crate::tree::{is_gone, member};

/// Who takes down the children of a dead owner, with all that they started.
///
/// # Guarantees
/// A process is killed only with proof that it is of the recorded tree: its recorded identity, the
/// cookie in its environment, membership in the recorded control group, or descent from one of these.
/// What was recorded in another boot is gone; in another pid namespace it is left alone.
#[must_use]
pub fn reclaimer() -> impl Reclaimer {
    ChildReclaimer
}

struct ChildReclaimer;

/// How long they have to end by themselves: their owner is dead, and nobody waits for what they do.
const GRACE: Duration = Duration::from_millis(250);
/// How often somebody who may be executing a program just now is looked for again: together far longer
/// than it takes from fork to exec.
pub(crate) const BIRTH_LOOKS: u32 = 5;
pub(crate) const BIRTH_PAUSE: Duration = Duration::from_millis(10);
/// How many processes the evidence names one by one.
const NAMED: usize = 16;

/// What a look found of a recorded tree.
#[derive(Default)]
struct Found {
    processes: Vec<PinnedProcess>,
    leader: Option<PinnedProcess>,
    cgroup: Option<Cgroup>,
    evidence: Vec<String>,
    /// What may be of the tree, and is not proven to be.
    unproven: Vec<String>,
    /// How many processes could not be told just now.
    unsettled: usize,
}

impl Reclaimer for ChildReclaimer {
    fn kinds(&self) -> &'static [Kind] {
        &[config::CHILD, config::PROCESS_WORKER, config::SERVER]
    }

    fn order(&self) -> Order {
        Order::First
    }

    fn judge(&self, orphan: &Orphan<'_>) -> Judgement {
        let recipe = match readable(orphan, &pid_namespace()) {
            Ok(recipe) => recipe,
            Err(judgement) => return judgement,
        };
        match Found::look_patiently(&recipe) {
            Ok(found) => found.judgement(&recipe),
            Err(error) => Judgement::keep(format!("the processes cannot be read: {error}")),
        }
    }

    fn most_at_once(&self) -> usize {
        together::MOST
    }

    fn judge_all(&self, orphans: &[Orphan<'_>]) -> Vec<Judgement> {
        let together = together::judge(orphans);
        let each = orphans.iter().zip(together);
        each.map(|(orphan, judgement)| judgement.unwrap_or_else(|| self.judge(orphan)))
            .collect()
    }

    fn reclaim_all(
        &self,
        orphans: &[Orphan<'_>],
        authority: &Authority,
        span: Duration,
        settled: &mut dyn FnMut(usize, Reclaimed),
    ) {
        for _ in orphans {
            backstop_core::kill_point::reach("sweep.acting");
        }
        let mut left = Vec::new();
        let together = together::take_down(orphans, Deadline::after(span));
        for (index, taken) in together.into_iter().enumerate() {
            match taken {
                Ok(reclaimed) => settled(index, reclaimed),
                Err(count) => left.push((index, count)),
            }
        }
        for (index, count) in left {
            let mut reclaimed = self.reclaim(&orphans[index], authority, Deadline::after(span));
            reclaimed.count = reclaimed.count.max(count);
            settled(index, reclaimed);
        }
    }

    fn reclaim(&self, orphan: &Orphan<'_>, _: &Authority, deadline: Deadline) -> Reclaimed {
        match readable(orphan, &pid_namespace()) {
            Ok(recipe) => take_down(&recipe, deadline)
                .unwrap_or_else(|error| Reclaimed::stuck(format!("cannot look: {error}"))),
            Err(Judgement::Gone { .. }) => nothing(),
            Err(_) => Reclaimed::stuck("it may not be touched any more"),
        }
    }
}

/// The recipe, if it means something here.
fn readable(orphan: &Orphan<'_>, here: &io::Result<u64>) -> Result<ChildRecipe, Judgement> {
    if !orphan.is_of_this_boot() {
        let boot = orphan.owner.process.boot;
        return Err(Judgement::gone(format!(
            "its owner died in another boot, {boot}: no process outlived that"
        )));
    }
    if !orphan.entry.has_recipe {
        return Err(Judgement::gone(
            "it has no recipe: its processes have entries of their own",
        ));
    }
    let recipe = orphan
        .read_recipe()
        .map_err(|error| Judgement::keep(error.chain()))?;
    let here = here.as_ref().map_err(|error| {
        Judgement::keep(format!(
            "this process cannot read the process table: {error}"
        ))
    })?;
    let there = orphan.owner.process.pid_namespace;
    if *here == there {
        Ok(recipe)
    } else {
        Err(Judgement::keep(format!(
            "recorded in pid namespace {there}, this is {here}: its numbers mean nothing here"
        )))
    }
}

/// Which pid namespace this is, where the process table can be read.
fn pid_namespace() -> io::Result<u64> {
    process::identity_of_self().map(|identity| identity.pid_namespace)
}

impl Found {
    fn look(recipe: &ChildRecipe) -> io::Result<Self> {
        let mut found = Self::look_without_cookie(recipe)?;
        found.add_carriers(tree::members(Roots::WithCookie(&recipe.cookie), &[])?);
        Ok(found)
    }

    /// Looks for the control group and the child itself.
    fn look_without_cookie(recipe: &ChildRecipe) -> io::Result<Self> {
        let mut found = Self::default();
        found.look_for_cgroup(recipe)?;
        found.look_for_leader(recipe)?;
        Ok(found)
    }

    fn add_carriers(&mut self, scan: Scan<PinnedProcess>) {
        self.add(scan, "carries the cookie in its environment");
        if self.unsettled > 0 {
            self.unproven.push(format!(
                "{} processes could not be told just now: a later look tells",
                self.unsettled
            ));
        }
    }

    /// Looks again for a child that may be on its way from fork to exec, where it shows no cookie yet,
    /// and for those that could not be told: mostly strangers that execute a program just then.
    ///
    /// A child that this library starts keeps the ledger's lease until it executes, so that there is no
    /// sweep before; this is for owners of other versions, and for the last steps of the kernel's exec.
    fn look_patiently(recipe: &ChildRecipe) -> io::Result<Self> {
        let mut found = Self::look(recipe)?;
        for _ in 0..BIRTH_LOOKS {
            let may_come = recipe.leader.is_none() || found.unsettled > 0;
            if !may_come || !found.is_nothing() {
                break;
            }
            std::thread::sleep(BIRTH_PAUSE);
            found = Self::look(recipe)?;
        }
        Ok(found)
    }

    fn look_for_cgroup(&mut self, recipe: &ChildRecipe) -> io::Result<()> {
        let opened = match (&recipe.cgroup, &recipe.cgroup_place) {
            (Some(identity), _) => Cgroup::open(identity),
            // The owner died between making it and recording which one it is.
            (None, Some(place)) if is_named_for(place, recipe) => Cgroup::open_by_name(place),
            _ => return Ok(()),
        };
        match opened {
            Ok(group) => {
                let identity = group.identity();
                self.evidence.push(match &recipe.cgroup {
                    Some(_) => format!(
                        "control group {} has the recorded inode {}",
                        identity.path.display(),
                        identity.inode
                    ),
                    None => format!(
                        "control group {} has the cookie in its name",
                        identity.path.display()
                    ),
                });
                let scan = tree::members(Roots::Cgroup(&group), &[])?;
                self.add(scan, "is in the control group");
                self.cgroup = Some(group);
                Ok(())
            }
            Err(error) if is_gone(&error) => {
                self.evidence
                    .push(format!("its control group is gone: {error}"));
                Ok(())
            }
            Err(error) => {
                self.unproven
                    .push(format!("its control group cannot be opened: {error}"));
                Ok(())
            }
        }
    }

    fn look_for_leader(&mut self, recipe: &ChildRecipe) -> io::Result<()> {
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
                self.add(scan, "is the child or descends from it");
                self.leader = Some(leader);
            }
            Err(refusal @ Refusal::Unprovable { .. }) => self.unproven.push(refusal.to_string()),
            Err(gone) => self.evidence.push(format!("the child itself: {gone}")),
        }
        Ok(())
    }

    fn add(&mut self, scan: Scan<PinnedProcess>, proof: &str) {
        self.unsettled += scan.unsettled;
        for process in scan.found {
            if self.processes.iter().any(|one| one.pid() == process.pid()) {
                continue;
            }
            match self.processes.len() {
                0..NAMED => self.evidence.push(format!("{} {proof}", named(&process))),
                NAMED => self.evidence.push("and more of them".into()),
                _ => {}
            }
            self.processes.push(process);
        }
    }

    fn is_nothing(&self) -> bool {
        self.processes.is_empty() && self.cgroup.is_none()
    }

    fn judgement(self, recipe: &ChildRecipe) -> Judgement {
        let is_nothing = self.is_nothing();
        let mut evidence = self.evidence;
        if is_nothing {
            if !self.unproven.is_empty() {
                return Judgement::keep(self.unproven.join("; "));
            }
            evidence.push(format!("no process carries the cookie {}", recipe.cookie));
            return Judgement::gone(evidence.join("; "));
        }
        let count = self.processes.len();
        let mut act = format!("SIGTERM to {count} processes, then SIGKILL until none is left");
        if let Some(group) = &self.cgroup {
            act.push_str(&format!(
                "; then remove the control group {}",
                group.identity().path.display()
            ));
        }
        evidence.extend(self.unproven);
        Judgement::Reclaim {
            rule: "the children of a dead owner go with everything that they started".into(),
            evidence,
            act,
        }
    }
}

fn take_down(recipe: &ChildRecipe, deadline: Deadline) -> io::Result<Reclaimed> {
    let found = Found::look(recipe)?;
    let mut count = found.processes.len();
    for signal in [Signal::TERM, Signal::CONT] {
        for process in &found.processes {
            // One that is gone needs none, and one that refuses it is killed below.
            let _ = process.signal(signal);
        }
    }
    let grace = Deadline::after(GRACE).earlier(deadline);
    still_running(&found.processes, grace.instant())?;
    loop {
        let kill = |roots: Roots<'_>| -> io::Result<()> {
            // A guardian may be a child of the dead owner, but never a parent of its children.
            tree::kill_until_empty(roots, &[], Reap::Nothing, deadline.instant()).map(drop)
        };
        if let Some(group) = &found.cgroup {
            match kill(Roots::Cgroup(group)) {
                Err(error) if !is_gone(&error) => return Err(error),
                _ => {}
            }
        }
        kill(Roots::WithCookie(&recipe.cookie))?;
        // Those that were found stay proven by their pidfds, whatever became of their parents.
        let known: Vec<&PinnedProcess> = found.leader.iter().chain(&found.processes).collect();
        if !known.is_empty() {
            kill(Roots::DescendantsOfAny(&known))?;
        }
        let after = Found::look(recipe)?;
        let left: Vec<&PinnedProcess> = after
            .processes
            .iter()
            .chain(found.processes.iter().filter(|one| !one.has_exited()))
            .collect();
        let is_empty = left.is_empty() && after.unsettled == 0;
        if is_empty && dissolve(&found)? {
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
    Ok(Reclaimed {
        outcome: Outcome::Released,
        count: count as u64,
        bytes: Bytes(0),
    })
}

/// Removes the control group; false if somebody has come into it since it was found empty: a child
/// that was still on its way from fork to exec. One that comes later finds no group, and ends there.
fn dissolve(found: &Found) -> io::Result<bool> {
    match found.cgroup.as_ref().map(Cgroup::remove) {
        Some(Err(error)) if error.kind() == io::ErrorKind::ResourceBusy => Ok(false),
        Some(Err(error)) if !is_gone(&error) => Err(error),
        _ => Ok(true),
    }
}

fn still_there(left: &[&PinnedProcess], found: usize) -> Reclaimed {
    if left.is_empty() {
        return Reclaimed::stuck("nothing lives in its control group, but it cannot be removed");
    }
    let names: Vec<String> = left
        .iter()
        .take(NAMED)
        .map(|process| named(process))
        .collect();
    Reclaimed {
        outcome: Outcome::Stuck {
            holder: Some(names.join(", ")),
            reason: format!("{} processes outlive being killed", left.len()),
        },
        count: found.saturating_sub(left.len()) as u64,
        bytes: Bytes(0),
    }
}

fn nothing() -> Reclaimed {
    Reclaimed {
        outcome: Outcome::Released,
        count: 0,
        bytes: Bytes(0),
    }
}

fn is_named_for(place: &std::path::Path, recipe: &ChildRecipe) -> bool {
    place
        .file_name()
        .is_some_and(|name| name.to_str() == Some(&ChildRecipe::cgroup_name(recipe.cookie)))
}

fn named(process: &PinnedProcess) -> String {
    let member = member(process);
    format!("process {} ({})", member.pid, member.command)
}
