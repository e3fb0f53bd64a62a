//! The inner process of a run: it starts the command, applies the ladder and makes the account.

use std::os::fd::AsFd;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use backstop_core::Backstop;
use backstop_core::error::{Error, Stage};
use backstop_core::identity::Cookie;
use backstop_core::os::adopt::Adopt;
use backstop_core::os::before_exec::BeforeExec;
use backstop_core::os::pinned::PinnedProcess;
use backstop_core::os::readiness::wait_readable;
use backstop_core::os::signal::{Received, Signal};
use backstop_core::os::signals::SignalSource;
use backstop_core::os::subreaper::set_subreaper;
use backstop_core::release::{Intent, Release, Tracked};
use backstop_core::resource::{Bytes, Recipe, Rung};

use super::account;
use super::containment::{Containment, cgroup_name, open_cgroup};
use super::ladder::RunLadder;
use super::left_processes::{self, LeftProcess};
use super::plan::{Host, RunPlan, Scratch};
use super::report::{Ending, RunReport};
use super::tree::{self, KIND, RunRecipe, Tree};

/// How long processes that are about to end anyway have, before they count as left behind.
const MOMENT: Duration = Duration::from_millis(100);
/// How often the tree's memory is added up, where it is limited.
const MEMORY_INTERVAL: Duration = Duration::from_millis(250);
/// The same signal sent to a whole group reaches the supervisor directly and through the guardian.
const SAME_SIGNAL: Duration = Duration::from_millis(200);

pub(super) fn supervise(
    plan: &RunPlan,
    host: &dyn Host,
    cookie: Cookie,
    guardian: PinnedProcess,
    signals: &SignalSource,
    began: Instant,
) -> u8 {
    let mut notes = Vec::new();
    if let Err(error) = set_subreaper(Adopt::Orphans) {
        notes.push(format!("orphans are adopted by the guardian only: {error}"));
    }
    let backstop = Backstop::builder()
        .tracking(plan.tracking.clone())
        .policy(KIND, Tree::policy())
        .run(cookie)
        .start();
    notes.extend(backstop.degraded().map(|why| format!("the ledger: {why}")));
    let mut setup = Setup {
        plan,
        cookie,
        signals,
        containment_notes: Vec::new(),
    };
    let intent = setup.announce(backstop);
    let scratch = host
        .open_scratch(backstop)
        .inspect_err(|error| notes.push(format!("no temp directory of its own: {}", error.chain())))
        .ok();
    let started = setup.start(intent, scratch.as_deref());
    let containment_notes = setup.containment_notes;
    let account = |outcome: Outcome| Account {
        plan,
        host,
        cookie,
        backstop,
        scratch,
        containment_notes,
        notes,
        began,
        outcome,
    };
    match started {
        Ok((tree, leader)) => {
            let course = Course::new(plan, leader, guardian, signals, tree);
            account(course.run()).finish()
        }
        Err(error) => account(Outcome::not_started(&error)).finish(),
    }
}

/// What stands before the command runs.
struct Setup<'a> {
    plan: &'a RunPlan,
    cookie: Cookie,
    signals: &'a SignalSource,
    containment_notes: Vec<String>,
}

impl Setup<'_> {
    /// Writes down what is about to exist, so that a sweep finds it whoever is killed when.
    fn announce(&self, backstop: Backstop) -> Intent {
        let recipe = RunRecipe {
            cookie: self.cookie,
            cgroup_path: backstop_core::os::cgroup::Cgroup::path_for(&cgroup_name(self.cookie)).ok(),
            cgroup: None,
            leader: None,
        };
        let draft = backstop.intend(KIND, self.plan.command_line());
        match Recipe::of(&recipe) {
            Ok(recipe) => draft.recipe(recipe).declare(),
            // A recipe of a cookie and a path always fits.
            Err(_) => draft.declare(),
        }
    }

    fn start(
        &mut self,
        intent: Intent,
        scratch: Option<&dyn Scratch>,
    ) -> Result<(Tracked<Tree>, PinnedProcess), Error> {
        let cgroup = open_cgroup(self.plan.containment, self.cookie).unwrap_or_else(|why| {
            self.containment_notes.push(why);
            None
        });
        let mut tree = Tree::new(self.plan.command_line(), self.cookie, cgroup);
        let mut spawned = self.spawn(&tree, scratch);
        if spawned.is_err() && tree.cgroup().is_some() {
            // Whether the group or the program refused cannot be told apart: the program will tell.
            tree = tree.without_cgroup();
            spawned = self.spawn(&tree, scratch);
            if spawned.is_ok() {
                self.containment_notes
                    .push("no control group: the command could not enter it".into());
            }
        }
        let pid = match spawned {
            Ok(pid) => pid,
            Err(error) => {
                drop(tree.without_cgroup());
                intent.abandon();
                return Err(Error::io(
                    Stage::Open,
                    "the command cannot be started",
                    error,
                ));
            }
        };
        // Not reaped before this loop runs, so the number is still the command's.
        let leader = PinnedProcess::pin(pid)
            .map_err(|error| Error::io(Stage::Open, "the command cannot be pinned", error))?;
        let tree = tree.with_leader(leader.identity().ok());
        Ok((intent.fulfil(tree), leader))
    }

    fn spawn(&self, tree: &Tree, scratch: Option<&dyn Scratch>) -> std::io::Result<i32> {
        let mut words = self.plan.command.iter();
        let program = words.next().ok_or(std::io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command
            .args(words)
            .env(Cookie::ENVIRONMENT_VARIABLE, self.cookie.to_string());
        if let Some(scratch) = scratch {
            for name in ["TMPDIR", "TMP", "TEMP", "TEMPDIR"] {
                command.env(name, scratch.path());
            }
        }
        let mut before = BeforeExec::new().unblock(self.signals);
        if let Some(group) = tree.cgroup() {
            before = before.enter(group.entrance()?);
        }
        if let Some(most) = self.plan.open_files {
            before = before.limit_open_files(most);
        }
        before.apply(&mut command);
        // Reaped by its pidfd, as everything beneath this process is.
        let child = command.spawn()?;
        i32::try_from(child.id()).map_err(|_| std::io::ErrorKind::InvalidData.into())
    }
}

/// A command that runs, until its tree is empty or only killing is left.
struct Course<'a> {
    plan: &'a RunPlan,
    leader: PinnedProcess,
    guardian: Option<PinnedProcess>,
    signals: &'a SignalSource,
    tree: Tracked<Tree>,
    ladder: RunLadder,
    status: Option<ExitStatus>,
    ending: Ending,
    left: Option<(Vec<LeftProcess>, Vec<PinnedProcess>)>,
    last_signal: Option<(Signal, Instant)>,
    timeout_at: Option<Instant>,
    memory_at: Option<Instant>,
}

/// What a course came to.
struct Outcome {
    ending: Ending,
    code: u8,
    containment: Containment,
    left: Vec<LeftProcess>,
    release: Option<Release>,
}

impl Outcome {
    fn not_started(error: &Error) -> Self {
        use backstop_core::error::ErrorKind;
        let missing = error.kind() == ErrorKind::NotFound;
        Self {
            ending: Ending::NotStarted {
                error: error.chain(),
                missing,
            },
            // As shells do.
            code: if missing { 127 } else { 126 },
            containment: Containment::Subreaper,
            left: Vec::new(),
            release: None,
        }
    }
}

impl<'a> Course<'a> {
    fn new(
        plan: &'a RunPlan,
        leader: PinnedProcess,
        guardian: PinnedProcess,
        signals: &'a SignalSource,
        tree: Tracked<Tree>,
    ) -> Self {
        let now = Instant::now();
        Self {
            plan,
            leader,
            guardian: Some(guardian),
            signals,
            tree,
            ladder: RunLadder::new(plan.grace, plan.kill_after),
            status: None,
            ending: Ending::Itself,
            left: None,
            last_signal: None,
            timeout_at: plan.timeout.map(|limit| now + limit),
            memory_at: plan.memory.map(|_| now + MEMORY_INTERVAL),
        }
    }

    fn run(mut self) -> Outcome {
        while !self.is_over() {
            self.wait();
        }
        self.end()
    }

    /// Collects who has ended; names what the command left once it has ended itself.
    fn is_over(&mut self) -> bool {
        for (pid, status) in tree::reap() {
            if pid == self.leader.pid() {
                self.status = Some(status);
            }
        }
        if self.ladder.is_spent() {
            return true;
        }
        if self.status.is_none() {
            return false;
        }
        let members = self.tree.members();
        if members.is_empty() {
            return true;
        }
        if self.left.is_none() {
            let members = left_processes::settle(members, MOMENT);
            self.left = Some((left_processes::name(&members), members));
            if self.ladder.rung() != Some(Rung::Insist) {
                self.ladder.insist(&self.tree, self.plan.grace);
            }
            return false;
        }
        false
    }

    fn wait(&mut self) {
        let deadline = [self.ladder.next_at(), self.timeout_at, self.memory_at]
            .into_iter()
            .flatten()
            .min();
        let mut descriptors = vec![self.signals.as_fd()];
        descriptors.extend(self.guardian.as_ref().map(AsFd::as_fd));
        let ready = wait_readable(&descriptors, deadline).unwrap_or_else(|_| {
            // No memory for a poll: look again a little later.
            std::thread::sleep(Duration::from_millis(10));
            Vec::new()
        });
        while let Ok(Some(received)) = self.signals.next() {
            self.take_signal(&received);
        }
        if ready.get(1).copied().unwrap_or(false) {
            self.guardian = None;
            self.end_by(Ending::GuardianLost);
            self.ladder.insist(&self.tree, self.plan.grace);
        }
        self.look_at_the_time();
    }

    fn take_signal(&mut self, received: &Received) {
        match received.signal {
            Signal::CHLD => {}
            Signal::USR1 | Signal::USR2 => {
                let _ = self.leader.signal(received.signal);
            }
            signal => {
                let now = Instant::now();
                let is_same = self
                    .last_signal
                    .is_some_and(|(last, at)| last == signal && now - at < SAME_SIGNAL);
                self.last_signal = Some((signal, now));
                if is_same {
                    return;
                }
                if self.ladder.rung().is_some() {
                    // A second signal skips to force.
                    self.ladder.force();
                } else {
                    self.end_by(Ending::Signal {
                        signal: signal.to_string(),
                    });
                    self.ladder
                        .ask(&self.leader, signal, received.is_from_kernel());
                }
            }
        }
    }

    fn look_at_the_time(&mut self) {
        let now = Instant::now();
        if self.timeout_at.is_some_and(|at| now >= at) {
            self.timeout_at = None;
            let limit = self.plan.timeout.unwrap_or_default().as_secs_f64();
            if self.ladder.rung().is_none() {
                self.end_by(Ending::Timeout { limit });
                self.ladder.ask(&self.leader, Signal::TERM, false);
            }
        }
        if let Some(limit) = self.plan.memory
            && self.memory_at.is_some_and(|at| now >= at)
        {
            self.memory_at = Some(now + MEMORY_INTERVAL);
            let resident = self.resident();
            if resident > limit && self.ladder.rung().is_none() {
                self.memory_at = None;
                self.end_by(Ending::Memory { limit, resident });
                self.ladder.ask(&self.leader, Signal::TERM, false);
            }
        }
        if self.ladder.next_at().is_some_and(|at| now >= at) {
            self.ladder.climb(&self.tree);
        }
    }

    fn resident(&self) -> Bytes {
        let members = self.tree.members();
        let stats = members.iter().filter_map(|process| process.stat().ok());
        stats.map(|stat| Bytes(stat.resident_bytes)).sum()
    }

    /// Only the first reason counts: what follows from it is no reason of its own.
    fn end_by(&mut self, ending: Ending) {
        if self.ending == Ending::Itself && self.status.is_none() {
            self.ending = ending;
        }
    }

    fn end(mut self) -> Outcome {
        let (mut left, pinned) = self.left.take().unwrap_or_else(|| {
            // The command itself did not end: what else there was is what it left.
            let mut members = self.tree.members();
            members.retain(|process| process.pid() != self.leader.pid());
            (left_processes::name(&members), members)
        });
        for process in &mut left {
            let is_alive = pinned
                .iter()
                .any(|pinned| pinned.pid() == process.pid && !pinned.has_exited());
            process.ended_on = Some(if is_alive { Rung::Force } else { Rung::Insist });
        }
        let containment = match self.tree.cgroup() {
            Some(_) => Containment::Cgroup,
            None => Containment::Subreaper,
        };
        let release = self.tree.force();
        // Killed above, and reaped there.
        let code = self.status.map_or(128 + 9, account::shell_code);
        Outcome {
            ending: self.ending,
            code,
            containment,
            left,
            release: Some(release),
        }
    }
}

/// The account of a run that is over.
struct Account<'a> {
    plan: &'a RunPlan,
    host: &'a dyn Host,
    cookie: Cookie,
    backstop: Backstop,
    scratch: Option<Box<dyn Scratch>>,
    containment_notes: Vec<String>,
    notes: Vec<String>,
    began: Instant,
    outcome: Outcome,
}

impl Account<'_> {
    fn finish(mut self) -> u8 {
        let mut releases: Vec<Release> = self.outcome.release.take().into_iter().collect();
        let mut files = self
            .scratch
            .as_ref()
            .and_then(|scratch| account::count_files(scratch.path()));
        let swept = account::sweep(self.plan, self.host, self.cookie);
        if let Some(scratch) = self.scratch.take() {
            if self.plan.keep_files {
                match scratch.keep() {
                    Ok(path) => {
                        if let Some(files) = &mut files {
                            files.kept = Some(path);
                        }
                    }
                    Err(error) => self.notes.push(format!("not kept: {}", error.chain())),
                }
            } else {
                releases.push(scratch.release());
            }
        }
        let report = RunReport {
            command: self.plan.command_line(),
            containment: self.outcome.containment,
            containment_notes: self.containment_notes,
            ending: self.outcome.ending,
            code: self.outcome.code,
            took: self.began.elapsed(),
            memory: self
                .outcome
                .left
                .iter()
                .map(|process| process.resident)
                .sum::<Bytes>(),
            processes: self.outcome.left,
            files,
            stuck: account::stuck(&releases, &swept),
            swept,
            notes: self.notes,
        };
        let code = self.host.finish(&report);
        // What is still open is a sweep's: the ledger stays for it.
        if self.backstop.is_empty()
            && let Some(ledger) = self.backstop.ledger()
        {
            let _ = ledger.remove();
        }
        code
    }
}
