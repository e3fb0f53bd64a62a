//! Terminates a running tree step by step, while the supervisor continues to handle signals.

use std::time::{Duration, Instant};

use backstop_core::resource::{Deadline, Rung};
use backstop_core::tree::ContainedChild;
use backstop_os::signal::Signal;

/// The state of a run's ladder.
#[derive(Debug)]
pub(super) struct RunLadder {
    grace: Duration,
    kill_after: Duration,
    rung: Option<Rung>,
    next_at: Option<Instant>,
}

impl RunLadder {
    pub(super) fn new(grace: Duration, kill_after: Duration) -> Self {
        Self {
            grace,
            kill_after,
            rung: None,
            next_at: None,
        }
    }

    /// The last rung that was reached; `None` before the first.
    pub(super) fn rung(&self) -> Option<Rung> {
        self.rung
    }

    /// When the next rung is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// Whether only SIGKILL is left.
    pub(super) fn is_spent(&self) -> bool {
        self.rung == Some(Rung::Force)
    }

    /// Signals the command itself, unless it has received the signal already (a key at the terminal).
    pub(super) fn ask(&mut self, tree: &ContainedChild, signal: Signal, has_received: bool) {
        if self.rung.is_none() {
            self.rung = Some(Rung::Ask);
            self.next_at = Some(Deadline::after(self.grace).instant());
        }
        if !has_received {
            // It may have exited meanwhile.
            let _ = tree.signal_child(signal);
        }
    }

    /// Sends SIGTERM to every process of the tree, and SIGCONT: a stopped process handles signals only
    /// once it is continued.
    pub(super) fn insist(&mut self, tree: &ContainedChild, time: Duration) {
        self.rung = Some(Rung::Insist);
        self.next_at = Some(Deadline::after(time).instant());
        for signal in [Signal::TERM, Signal::CONT] {
            // A process that exited meanwhile needs no signal, and one that refuses it is killed later.
            let _ = tree.signal(signal);
        }
    }

    /// Moves to the next rung when it is due.
    pub(super) fn climb(&mut self, tree: &ContainedChild) {
        match self.rung {
            None | Some(Rung::Ask) => self.insist(tree, self.kill_after),
            Some(Rung::Insist | Rung::Force) => self.force(),
        }
    }

    /// Skips to SIGKILL.
    pub(super) fn force(&mut self) {
        self.rung = Some(Rung::Force);
        self.next_at = None;
    }
}
