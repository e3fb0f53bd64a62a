//! The runs of a program.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;

use super::Account;
use crate::history::{RunLine, RunStage};

/// A run of a program that wrote this history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunAccount {
    /// The identifier of the run.
    pub run: String,
    /// The program.
    pub program: String,
    /// Its PID.
    pub pid: u32,
    /// When it started, or was first seen in the period.
    pub from: Timestamp,
    /// When it ended, or was last seen.
    pub until: Timestamp,
    /// Number of its samples in the period.
    pub samples: u64,
    /// Its status.
    pub state: RunState,
}

/// The status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It is running.
    GoesOn,
    /// It ended normally.
    Ended,
    /// It terminated unexpectedly: killed, or the machine went down.
    Vanished,
}

impl RunState {
    /// The status, for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::GoesOn => "running",
            Self::Ended => "ended",
            Self::Vanished => "terminated unexpectedly",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Runs {
    last: VecDeque<RunAccount>,
    pub(super) count: u64,
    pub(super) vanished: u64,
}

/// The meaning of a run's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Another run than before.
    Another {
        /// Whether its start was recorded.
        began: bool,
    },
    Same,
    Ended,
}

impl Runs {
    pub(super) fn take(&mut self, line: &RunLine) -> Meaning {
        let is_same = self.last.back().is_some_and(|last| last.run == line.run);
        if !is_same {
            self.vanish();
            if self.last.len() == Account::RUNS {
                self.last.pop_front();
            }
            self.count += 1;
            self.last.push_back(RunAccount {
                run: line.run.clone(),
                program: line.program.clone(),
                pid: line.pid,
                from: line.at,
                until: line.at,
                samples: 0,
                state: RunState::GoesOn,
            });
        }
        let is_end = line.stage == RunStage::Ended;
        if let Some(last) = self.last.back_mut() {
            last.until = last.until.max(line.at);
            if is_end {
                last.state = RunState::Ended;
            }
        }
        match (is_same, is_end) {
            (_, true) => Meaning::Ended,
            (true, false) => Meaning::Same,
            (false, false) => Meaning::Another {
                began: line.stage == RunStage::Began,
            },
        }
    }

    pub(super) fn seen(&mut self, at: Timestamp, is_within: bool) {
        if let Some(last) = self.last.back_mut() {
            last.until = last.until.max(at);
            last.samples += u64::from(is_within);
        }
    }

    /// The last run terminated unexpectedly, if it has not ended.
    pub(super) fn vanish(&mut self) {
        if let Some(last) = self.last.back_mut()
            && last.state == RunState::GoesOn
        {
            last.state = RunState::Vanished;
            self.vanished += 1;
        }
    }

    pub(super) fn last(&self) -> Option<&RunAccount> {
        self.last.back()
    }

    /// Drops the runs that ended before the period.
    pub(super) fn finish(&mut self, from: Timestamp) -> Vec<RunAccount> {
        let all = self.last.len();
        self.last.retain(|run| run.until >= from);
        self.count -= (all - self.last.len()) as u64;
        self.vanished = self
            .last
            .iter()
            .filter(|run| run.state == RunState::Vanished)
            .count() as u64;
        std::mem::take(&mut self.last).into()
    }
}
