//! What a child does between fork and exec.

use std::process::Command;
use std::sync::Arc;

use super::cgroup::Entrance;
use super::signals::SignalSource;

/// What a child does before it executes its program: nothing on this system.
#[derive(Default)]
pub struct BeforeExec(());

impl BeforeExec {
    /// An empty list of actions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Not done on this system.
    #[must_use]
    pub fn unblock(self, _signals: &SignalSource) -> Self {
        self
    }

    /// Not done on this system.
    #[must_use]
    pub fn enter(self, _entrance: Arc<Entrance>) -> Self {
        self
    }

    /// Not done on this system.
    #[must_use]
    pub fn limit_open_files(self, _most: u64) -> Self {
        self
    }

    /// Not done on this system.
    #[must_use]
    pub fn new_session(self) -> Self {
        self
    }

    /// Leaves `command` unchanged.
    pub fn apply(self, _command: &mut Command) {}
}
