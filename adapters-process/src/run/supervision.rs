//! The supervision of a run: from the command's start until its tree is empty or only SIGKILL is left.

use std::os::fd::AsFd;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstop_core::error::{Error, ErrorKind};
use backstop_core::release::{Release, Tracked};
use backstop_core::resource::{Bytes, Deadline, Rung};
use backstop_core::tree::{ContainedChild, Containment};
use backstop_os::pinned::PinnedProcess;
use backstop_os::readiness::wait_readable;
use backstop_os::signal::{Received, Signal};
use backstop_os::signals::SignalSource;

use super::ladder::RunLadder;
use super::leftovers::{self, LeftProcess};
use super::plan::RunPlan;
use super::report::Ending;

/// How long processes that are about to exit anyway have before they count as left behind.
const MOMENT: Duration = Duration::from_millis(100);
/// How often the tree's memory is summed up, if it is limited.
const MEMORY_INTERVAL: Duration = Duration::from_millis(250);
/// The same signal sent to a whole group reaches the supervisor directly and through the guardian.
const SAME_SIGNAL: Duration = Duration::from_millis(200);

/// Supervises a running command until its tree is empty or only SIGKILL is left.
pub(super) struct Supervision<'a> {
    plan: &'a RunPlan,
    guardian: Option<PinnedProcess>,
    signals: &'a SignalSource,
    tree: Tracked<ContainedChild>,
    ladder: RunLadder,
    status: Option<ExitStatus>,
    ending: Ending,
    left: Option<(Vec<LeftProcess>, Vec<Arc<PinnedProcess>>)>,
    last_signal: Option<(Signal, Instant)>,
    timeout_at: Option<Instant>,
    memory_at: Option<Instant>,
}

/// The result of a supervised command.
pub(super) struct RunOutcome {
    pub(super) ending: Ending,
    pub(super) code: u8,
    pub(super) signal: Option<i32>,
    pub(super) containment: Containment,
    pub(super) left: Vec<LeftProcess>,
    pub(super) release: Option<Release>,
}

impl RunOutcome {
    pub(super) fn not_started(error: &Error) -> Self {
        let missing = error.kind() == ErrorKind::NotFound;
        Self {
            ending: Ending::SpawnError {
                error: error.chain(),
                missing,
            },
            // As shells do.
            code: if missing { 127 } else { 126 },
            signal: None,
            containment: Containment::Subreaper,
            left: Vec::new(),
            release: None,
        }
    }
}

impl<'a> Supervision<'a> {
    pub(super) fn new(
        plan: &'a RunPlan,
        guardian: PinnedProcess,
        signals: &'a SignalSource,
        tree: Tracked<ContainedChild>,
    ) -> Self {
        let now = Instant::now();
        Self {
            plan,
            guardian: Some(guardian),
            signals,
            tree,
            ladder: RunLadder::new(plan.grace, plan.kill_after),
            status: None,
            ending: Ending::Itself,
            left: None,
            last_signal: None,
            timeout_at: plan.timeout.map(|limit| Deadline::after(limit).instant()),
            memory_at: plan.memory.map(|_| now + MEMORY_INTERVAL),
        }
    }

    pub(super) fn run(mut self) -> RunOutcome {
        while !self.is_over() {
            self.wait();
        }
        self.end()
    }

    /// Reaps processes that have exited; records what the command left once it has exited itself.
    fn is_over(&mut self) -> bool {
        self.tree.reap_children();
        self.status = self.tree.status();
        if self.ladder.is_spent() {
            return true;
        }
        if self.status.is_none() {
            return false;
        }
        let members = self.tree.processes().unwrap_or_default();
        if members.is_empty() {
            return true;
        }
        if self.left.is_none() {
            let members = leftovers::settle(members, MOMENT);
            self.left = Some((leftovers::name(&members), members));
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
            // No memory for a poll: check again a little later.
            std::thread::sleep(Duration::from_millis(10));
            Vec::new()
        });
        while let Ok(Some(received)) = self.signals.next() {
            self.take_signal(&received);
        }
        if ready.get(1).copied().unwrap_or(false) {
            self.guardian = None;
            // With SIGTERM first, for the same reason as in the guardian's `take_over`.
            self.end_by(Ending::GuardianLost);
            self.ladder.insist(&self.tree, self.plan.grace);
        }
        self.check_deadlines();
    }

    fn take_signal(&mut self, received: &Received) {
        match received.signal {
            Signal::CHLD => {}
            Signal::USR1 | Signal::USR2 => {
                let _ = self.tree.signal_child(received.signal);
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
                        .ask(&self.tree, signal, received.is_from_kernel());
                }
            }
        }
    }

    fn check_deadlines(&mut self) {
        let now = Instant::now();
        if self.timeout_at.is_some_and(|at| now >= at) {
            self.timeout_at = None;
            let limit = self.plan.timeout.unwrap_or_default().as_secs_f64();
            if self.ladder.rung().is_none() {
                self.end_by(Ending::Timeout { limit });
                self.ladder.ask(&self.tree, Signal::TERM, false);
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
                self.ladder.ask(&self.tree, Signal::TERM, false);
            }
        }
        if self.ladder.next_at().is_some_and(|at| now >= at) {
            self.ladder.climb(&self.tree);
        }
    }

    fn resident(&self) -> Bytes {
        let members = self.tree.processes().unwrap_or_default();
        let stats = members.iter().filter_map(|process| process.stat().ok());
        stats.map(|stat| Bytes(stat.resident_bytes)).sum()
    }

    /// Only the first reason counts: later ones are consequences of it.
    fn end_by(&mut self, ending: Ending) {
        if self.ending == Ending::Itself && self.status.is_none() {
            self.ending = ending;
        }
    }

    fn end(mut self) -> RunOutcome {
        let (mut left, pinned) = self.left.take().unwrap_or_else(|| {
            // The command itself did not exit: all other processes count as left behind.
            let mut members = self.tree.processes().unwrap_or_default();
            members.retain(|process| process.pid().unsigned_abs() != self.tree.pid());
            (leftovers::name(&members), members)
        });
        for process in &mut left {
            let is_alive = pinned
                .iter()
                .any(|pinned| pinned.pid() == process.pid && !pinned.has_exited());
            process.ended_on = Some(if is_alive { Rung::Force } else { Rung::Insist });
        }
        let containment = self.tree.containment();
        let release = self.tree.force();
        // Without a status it was killed and reaped by `force` above.
        let code = self.status.map_or(128 + 9, shell_code);
        let signal = self.status.map_or(Some(9), killing_signal);
        RunOutcome {
            ending: self.ending,
            code,
            signal,
            containment,
            left,
            release: Some(release),
        }
    }
}

/// The signal that killed a command.
fn killing_signal(status: ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    return std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    {
        let _ = status;
        None
    }
}

/// The exit code of a command as a shell reports it.
fn shell_code(status: ExitStatus) -> u8 {
    let code = match (status.code(), killing_signal(status)) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 255,
    };
    u8::try_from(code & 0xff).unwrap_or(u8::MAX)
}
