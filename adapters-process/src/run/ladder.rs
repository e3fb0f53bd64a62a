//! How a running tree is made to end, step by step, while the supervisor goes on listening.

use std::time::{Duration, Instant};

use backstop_core::resource::{Deadline, Rung};
use backstop_core::tree::ContainedChild;
use backstop_os::signal::Signal;

/// Where the ladder of a run stands.
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

    /// The rung that was climbed last; none while nothing was asked.
    pub(super) fn rung(&self) -> Option<Rung> {
        self.rung
    }

    /// When the next rung is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// Whether only killing is left.
    pub(super) fn is_spent(&self) -> bool {
        self.rung == Some(Rung::Force)
    }

    /// Asks the command itself, unless the kernel has told it already (a key at the terminal).
    pub(super) fn ask(&mut self, tree: &ContainedChild, signal: Signal, is_told: bool) {
        if self.rung.is_none() {
            self.rung = Some(Rung::Ask);
            self.next_at = Some(Deadline::after(self.grace).instant());
        }
        if !is_told {
            // If it ended meanwhile there is nobody to ask.
            let _ = tree.signal_child(signal);
        }
    }

    /// Asks everything in the tree to end. Also what is stopped, which only sees the signal once it
    /// goes on.
    pub(super) fn insist(&mut self, tree: &ContainedChild, span: Duration) {
        self.rung = Some(Rung::Insist);
        self.next_at = Some(Deadline::after(span).instant());
        for signal in [Signal::TERM, Signal::CONT] {
            // One that ended meanwhile needs no signal, and one that refuses it is killed later.
            let _ = tree.signal(signal);
        }
    }

    /// Climbs to the next rung: after a second signal, or because its time has come.
    pub(super) fn climb(&mut self, tree: &ContainedChild) {
        match self.rung {
            None | Some(Rung::Ask) => self.insist(tree, self.kill_after),
            Some(Rung::Insist | Rung::Force) => self.force(),
        }
    }

    /// Leaves only killing.
    pub(super) fn force(&mut self) {
        self.rung = Some(Rung::Force);
        self.next_at = None;
    }
}
