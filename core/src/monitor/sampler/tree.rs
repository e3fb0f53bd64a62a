//! Samples a tree of processes.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use super::budget::Budget;
use crate::error::{Error, Stage};
use crate::monitor::price::Price;
use crate::monitor::readings::{ExpensiveReading, Readings};
use crate::monitor::sample::ProcessSample;
use crate::resource::Bytes;
use backstop_os::cgroup::Cgroup;
use backstop_os::pinned::PinnedProcess;
use backstop_os::usage::UsageRow;
use backstop_os::usage_table::UsageTable;
use backstop_os::{clock, process_usage};

/// Samples a process and its descendants, or the members of a cgroup, as a sum.
///
/// A descendant that loses its parent stays in the tree if it was seen in it once. One that reused
/// the PID of a process outside the tree is seen within ten samples. File descriptors and
/// proportional memory are read for one member after the other as time permits: a small share of
/// it, least recently read first. They are reported once each member's is known, from its last
/// reading.
#[derive(Debug)]
pub struct TreeSampler {
    root: Root,
    leader: Option<(i32, String)>,
    table: UsageTable,
    members: HashMap<Member, Known>,
    /// PIDs of processes outside the tree: see [`TreeSampler::look_around`].
    strangers: HashSet<i32>,
    round: u32,
    highest: u64,
    budget: Budget,
}

#[derive(Debug)]
enum Root {
    Process(PinnedProcess),
    Cgroup(Cgroup),
}

/// A process by PID and start time: a reused PID is a different member.
type Member = (i32, u64);

/// The last readings of a member, and when they were taken.
#[derive(Debug, Default, Clone, Copy)]
struct Known {
    handles: Option<u64>,
    handle_limit: Option<u64>,
    handles_at: Option<Duration>,
    proportional: Option<u64>,
    proportional_at: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
enum Expensive {
    Handles,
    Proportional,
}

impl TreeSampler {
    /// The process that has this PID now, and its descendants.
    ///
    /// # Errors
    /// No process has it, or the process table cannot be read.
    pub fn of(pid: i32) -> Result<Self, Error> {
        let process = PinnedProcess::pin(pid).map_err(|error| failed(error).with("pid", pid))?;
        Self::with(Root::Process(process))
    }

    /// The members of the cgroup (v2) at this directory.
    ///
    /// # Errors
    /// There is no cgroup, or the process table cannot be read.
    pub fn of_cgroup(directory: &Path) -> Result<Self, Error> {
        let group = Cgroup::open_path(directory)
            .map_err(|error| failed(error).with("path", directory.display()))?;
        Self::with(Root::Cgroup(group))
    }

    fn with(root: Root) -> Result<Self, Error> {
        Ok(Self {
            root,
            leader: None,
            table: UsageTable::open().map_err(failed)?,
            members: HashMap::new(),
            strangers: HashSet::new(),
            round: 0,
            highest: 0,
            budget: Budget::default(),
        })
    }

    /// Sets what expensive readings cost. Default: [`Price::measured`].
    #[must_use]
    pub fn with_price(mut self, price: &Price) -> Self {
        self.budget.set_price(price.clone());
        self
    }

    /// Takes a sample; `None` once no process of the tree is left, or the cgroup is gone.
    pub fn sample(&mut self) -> Option<ProcessSample> {
        let now = Duration::from_nanos(clock::monotonic());
        self.sample_at(now, &mut Readings::default())
    }

    /// Samples at `now`, in awake time: by it expensive readings get their share. Records which were
    /// taken and which were left out, member by member.
    pub(in crate::monitor) fn sample_at(
        &mut self,
        now: Duration,
        readings: &mut Readings,
    ) -> Option<ProcessSample> {
        let rows = match &self.root {
            Root::Process(process) => {
                let root = Some(process.pid()).filter(|_| !process.has_exited());
                self.look_around(root)?
            }
            Root::Cgroup(group) => {
                let rows = self.table.read_only(&group.processes().ok()?);
                rows.iter().filter(|row| !row.has_exited).copied().collect()
            }
        };
        let (leader, name) = self.leader(&rows)?;
        let mut sample = ProcessSample {
            pid: leader,
            name,
            children: Some(count(rows.iter().filter(|row| row.ppid == leader))),
            processes: count(rows.iter()),
            ..ProcessSample::default()
        };
        for row in &rows {
            sample.resident += Bytes(row.resident);
            sample.threads = sample.threads.saturating_add(row.threads);
            sample.cpu += row.cpu;
        }
        self.highest = self.highest.max(sample.resident.0);
        // The highest sum sampled: the members' own peaks were at different times.
        sample.peak = Some(Bytes(self.highest));
        self.remember(&rows);
        self.read_expensive(now, readings);
        let known = || self.members.values();
        sample.handles = known().map(|known| known.handles).sum();
        sample.handle_limit = known().filter_map(|known| known.handle_limit).min();
        sample.proportional = known()
            .map(|known| known.proportional)
            .sum::<Option<_>>()
            .map(Bytes);
        Some(sample)
    }

    /// The leader of the tree, and its name: the root, or the oldest when it was first sampled. A
    /// tree stays the same tree when its leader has ended.
    fn leader(&mut self, rows: &[UsageRow]) -> Option<(i32, String)> {
        let known = match (&self.root, &self.leader) {
            (_, Some((pid, _))) => *pid,
            (Root::Process(process), None) => process.pid(),
            (Root::Cgroup(_), None) => rows.iter().min_by_key(|row| row.started)?.pid,
        };
        // It may execute another program. Its PID, if reused, is in this tree only by accident.
        let living = rows.iter().find(|row| row.pid == known);
        if let Some(row) = living.or_else(|| rows.first().filter(|_| self.leader.is_none())) {
            self.leader = Some((known, row.name.to_text()));
        }
        // A tree without processes is no tree any more.
        self.leader.clone().filter(|_| !rows.is_empty())
    }

    /// The processes of the tree. An unrelated process cannot enter it, but its PID may, once it
    /// has ended: so a tenth of the unrelated ones is checked each time.
    fn look_around(&mut self, root: Option<i32>) -> Option<Vec<UsageRow>> {
        self.round = self.round.wrapping_add(1);
        let mut strangers = HashSet::new();
        let (known, round) = (&self.strangers, self.round);
        let rows = self.table.read_if(|pid| {
            let is_passed_by =
                known.contains(&pid) && !pid.unsigned_abs().wrapping_add(round).is_multiple_of(10);
            if is_passed_by {
                strangers.insert(pid);
            }
            !is_passed_by
        });
        let rows = rows.ok()?;
        let found = descendants(rows, root, |row| self.members.contains_key(&member(row)));
        let inside: HashSet<i32> = found.iter().map(|row| row.pid).collect();
        strangers.extend(
            rows.iter()
                .map(|row| row.pid)
                .filter(|pid| !inside.contains(pid)),
        );
        self.strangers = strangers;
        Some(found)
    }

    /// Adds new members, and drops those that are gone.
    fn remember(&mut self, rows: &[UsageRow]) {
        let present: HashSet<Member> = rows.iter().map(member).collect();
        self.members.retain(|member, _| present.contains(member));
        for member in present {
            self.members.entry(member).or_default();
        }
    }

    fn read_expensive(&mut self, now: Duration, readings: &mut Readings) {
        self.budget.begin(now);
        // File descriptors first: they are ten times cheaper, and have a limit.
        for expensive in [Expensive::Handles, Expensive::Proportional] {
            let mut order: Vec<_> = self.members.iter_mut().collect();
            order.sort_by_key(|(member, known)| (known.read_at(expensive), **member));
            for ((pid, _), known) in order {
                if self.budget.left().is_none() {
                    readings.leave_out(expensive.into());
                    continue;
                }
                let read = || known.read(expensive, *pid, now);
                self.budget.spend(expensive.into(), read);
                readings.take(expensive.into());
            }
        }
    }
}

impl From<Expensive> for ExpensiveReading {
    fn from(expensive: Expensive) -> Self {
        match expensive {
            Expensive::Handles => Self::Handles,
            Expensive::Proportional => Self::Proportional,
        }
    }
}

impl Known {
    fn read_at(&self, expensive: Expensive) -> Option<Duration> {
        match expensive {
            Expensive::Handles => self.handles_at,
            Expensive::Proportional => self.proportional_at,
        }
    }

    fn read(&mut self, expensive: Expensive, pid: i32, now: Duration) {
        match expensive {
            Expensive::Handles => {
                if self.handles_at.is_none() {
                    self.handle_limit = process_usage::handle_limit(pid).ok().flatten();
                }
                self.handles = process_usage::handles(pid).ok();
                self.handles_at = Some(now);
            }
            Expensive::Proportional => {
                self.proportional = process_usage::proportional(pid).ok().flatten();
                self.proportional_at = Some(now);
            }
        }
    }
}

/// The root, its descendants, and those that were in the tree before, with theirs. Exited ones that
/// are not reaped use nothing any more.
fn descendants(
    rows: &[UsageRow],
    root: Option<i32>,
    is_known: impl Fn(&UsageRow) -> bool,
) -> Vec<UsageRow> {
    let mut children: HashMap<i32, Vec<&UsageRow>> = HashMap::new();
    let mut next = Vec::new();
    for row in rows {
        children.entry(row.ppid).or_default().push(row);
        if root == Some(row.pid) || is_known(row) {
            next.push(row);
        }
    }
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    while let Some(row) = next.pop() {
        if seen.insert(row.pid) {
            next.extend(children.get(&row.pid).into_iter().flatten());
            if !row.has_exited {
                found.push(*row);
            }
        }
    }
    found
}

fn member(row: &UsageRow) -> Member {
    (row.pid, row.started)
}

fn count<T>(of: impl Iterator<Item = T>) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}

fn failed(error: std::io::Error) -> Error {
    Error::io(Stage::Open, "the processes cannot be watched", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::{Command, Stdio};

    fn row(pid: i32, ppid: i32) -> UsageRow {
        UsageRow {
            pid,
            ppid,
            started: 1,
            name: backstop_os::usage::ShortName::of(b"x"),
            resident: 10,
            threads: 1,
            cpu: Duration::ZERO,
            has_exited: false,
            is_kernel_thread: false,
        }
    }

    fn pids(rows: &[UsageRow]) -> Vec<i32> {
        let mut pids: Vec<_> = rows.iter().map(|row| row.pid).collect();
        pids.sort_unstable();
        pids
    }

    #[test]
    fn an_orphan_stays_in_the_tree_and_strangers_stay_out() {
        let mut rows = [row(1, 0), row(5, 1), row(6, 5), row(7, 6), row(9, 1)];
        assert_eq!(pids(&descendants(&rows, Some(5), |_| false)), [5, 6, 7]);
        rows[2].has_exited = true;
        rows[3].ppid = 1;
        let known = |row: &UsageRow| [5, 6, 7].contains(&row.pid);
        assert_eq!(pids(&descendants(&rows, Some(5), known)), [5, 7]);
        assert_eq!(pids(&descendants(&rows, None, known)), [5, 7]);
    }

    #[test]
    fn a_tree_is_summed_until_no_process_is_left() {
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 60 & sleep 60 & echo up; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut word = [0; 3];
        shell.stdout.take().unwrap().read_exact(&mut word).unwrap();
        let mut sampler = TreeSampler::of(shell.id() as i32).unwrap();
        // A shell may fork before it prints the line and execute afterwards.
        let sample = sampler.sample().unwrap();
        assert_eq!((sample.processes, sample.children), (3, Some(2)));
        assert!(sample.threads == 3 && sample.resident.0 > 0);
        assert!(sample.handles.unwrap() >= 6 && sample.proportional.is_some());
        let members: Vec<i32> = sampler.members.keys().map(|(pid, _)| *pid).collect();
        for pid in members {
            let process = PinnedProcess::pin(pid).unwrap();
            let _ = process.signal(backstop_os::signal::Signal::KILL).unwrap();
            while !process.has_exited() {
                std::thread::yield_now();
            }
        }
        assert_eq!(sampler.sample(), None);
        shell.wait().unwrap();
    }
}
