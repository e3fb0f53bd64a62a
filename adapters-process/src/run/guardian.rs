//! The outer process of a run: it waits, and terminates the tree if the supervisor is killed.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use backstop_core::error::{Error, Stage};
use backstop_core::resource::{Bytes, Deadline, Rung};
use backstop_core::text::counted;
use backstop_core::tree::Containment;
use backstop_os::adopt::Adopt;
use backstop_os::fork_child::{exit_now, fork_child};
use backstop_os::forked::Forked;
use backstop_os::identity::Cookie;
use backstop_os::pinned::{PinnedProcess, still_running};
use backstop_os::readiness::wait_readable;
use backstop_os::signal::Signal;
use backstop_os::signals::SignalSource;
use backstop_os::subreaper::set_subreaper;
use backstop_os::takedown::{Reap, Roots};
use backstop_os::tree;

use super::leftovers::{self, LeftProcess};
use super::plan::{Host, RunPlan};
use super::report::{Ending, RunReport};
use super::report_builder;
use super::supervisor;

/// The signals that a run forwards, and SIGCHLD.
const SIGNALS: [Signal; 7] = [
    Signal::CHLD,
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
];

/// Runs a command under a guardian and a supervisor, and returns the exit code.
///
/// Call it from a process with one thread, and exit the process with the code: the guardian stays a
/// subreaper.
///
/// # Guarantees
/// When it returns, no process of the command's tree is alive, whichever of the two was killed. If both
/// were, a sweep finds the tree by its cookie and its cgroup.
///
/// # Errors
/// The guardian or the supervisor could not be set up; nothing was started.
pub fn run(plan: &RunPlan, host: &dyn Host) -> Result<u8, Error> {
    let failed = |message: &'static str| move |error| Error::io(Stage::Open, message, error);
    let began = Instant::now();
    // Set up before the fork, so that neither can die unnoticed at any instant.
    let signals = SignalSource::block(&SIGNALS).map_err(failed("signals cannot be blocked"))?;
    set_subreaper(Adopt::Orphans).map_err(failed("this process cannot adopt orphans"))?;
    let own = PinnedProcess::pin(own_pid()).map_err(failed("this process cannot be pinned"))?;
    let cookie = Cookie::random();
    match fork_child().map_err(failed("the supervisor cannot be started"))? {
        Forked::Child => {
            let supervise = || supervisor::supervise(plan, host, cookie, own, &signals, began);
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(supervise)) {
                Ok(code) => exit_now(i32::from(code)),
                // Not an exit code: the guardian must see that the tree is still there.
                Err(_) => backstop_os::exit::kill_self(),
            }
        }
        Forked::Parent { child } => {
            let supervisor =
                PinnedProcess::pin(child).map_err(failed("the supervisor cannot be pinned"))?;
            let guardian = Guardian {
                plan,
                host,
                cookie,
                signals,
                supervisor,
                began,
            };
            Ok(guardian.guard())
        }
    }
}

struct Guardian<'a> {
    plan: &'a RunPlan,
    host: &'a dyn Host,
    cookie: Cookie,
    signals: SignalSource,
    supervisor: PinnedProcess,
    began: Instant,
}

impl Guardian<'_> {
    fn guard(self) -> u8 {
        let status = self.wait_for_supervisor();
        match status.and_then(|status| status.code()) {
            Some(code) => {
                // Nothing is left, as the supervisor has verified; this costs one check.
                let _ = self.empty_tree();
                u8::try_from(code).unwrap_or(u8::MAX)
            }
            None => self.take_over(),
        }
    }

    /// Forwards signals until the supervisor has exited.
    fn wait_for_supervisor(&self) -> Option<ExitStatus> {
        use std::os::fd::AsFd;
        loop {
            if let Some(status) = self.supervisor.reap() {
                return Some(status);
            }
            let ready = wait_readable(&[self.signals.as_fd(), self.supervisor.as_fd()], None);
            if ready.is_err() {
                // No memory for a poll: check again a little later.
                std::thread::sleep(Duration::from_millis(10));
            }
            while let Ok(Some(received)) = self.signals.next() {
                // A key at the terminal sent the signal to the supervisor as well.
                if received.signal != Signal::CHLD && !received.is_from_kernel() {
                    let _ = self.supervisor.signal(received.signal);
                }
            }
            if matches!(
                self.supervisor.liveness(),
                Ok(backstop_os::liveness::Liveness::Gone)
            ) {
                return None;
            }
        }
    }

    /// Terminates the tree of a supervisor that was killed: its orphans are this process's children now.
    ///
    /// They receive SIGTERM first, although this process may be killed next. A tree that outlives both is
    /// in the ledger, and a sweep terminates it; but what a command could not save before SIGKILL is lost.
    fn take_over(&self) -> u8 {
        let members = tree::members(Roots::DescendantsOfSelf, &[])
            .map(|scan| scan.found)
            .unwrap_or_default();
        let mut processes = leftovers::name(&members);
        for process in &members {
            // A process that cannot be signalled is killed below.
            let _ = process.signal(Signal::TERM);
            let _ = process.signal(Signal::CONT);
        }
        let grace = Deadline::after(self.plan.grace);
        let _ = still_running(&members, grace.instant());
        mark(&mut processes, &members);
        let emptied = self.empty_tree();
        let swept = report_builder::sweep(self.plan, self.host, self.cookie, None);
        let mut stuck = report_builder::stuck(&[], &swept);
        stuck.extend(emptied.err());
        let report = RunReport {
            command: self.plan.command_line(),
            containment: Containment::Subreaper,
            containment_notes: Vec::new(),
            ending: Ending::SupervisorLost,
            code: 128 + 9,
            signal: None,
            took: self.began.elapsed(),
            memory: processes
                .iter()
                .map(|process| process.resident)
                .sum::<Bytes>(),
            processes,
            files: None,
            swept,
            stuck,
            notes: Vec::new(),
        };
        self.host.finish(&report)
    }

    fn empty_tree(&self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        let roots = Roots::DescendantsOfSelf;
        match tree::kill_until_empty(roots, &[], Reap::OwnChildren, deadline) {
            Ok(takedown) if takedown.is_empty => Ok(()),
            Ok(takedown) => Err(format!(
                "{} still running after SIGKILL: {:?}",
                counted(takedown.survivors.len() as u64, "process", "processes"),
                takedown.survivors
            )),
            Err(error) => Err(format!("the tree cannot be inspected: {error}")),
        }
    }
}

/// Records which of the processes exited on SIGTERM.
fn mark(named: &mut [LeftProcess], pinned: &[PinnedProcess]) {
    for process in named {
        let has_exited = pinned
            .iter()
            .find(|pinned| pinned.pid() == process.pid)
            .is_none_or(PinnedProcess::has_exited);
        process.ended_on = Some(if has_exited {
            Rung::Insist
        } else {
            Rung::Force
        });
    }
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(i32::MAX)
}
