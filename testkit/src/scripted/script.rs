//! What a scripted resource does when it is released, and returns when it is verified.

use std::collections::VecDeque;
use std::time::Duration;

use backstop_core::resource::{Blocking, Rung};

/// What one call of `release` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Is released.
    Done,
    /// Returns `Pending`, and is gone after N calls of `verify`.
    Pending {
        /// How many calls still find it.
        looks: u32,
    },
    /// Is released after this long.
    Slow(Duration),
    /// Returns `Done` without being released.
    Lie,
    /// Fails with an error that can be retried.
    FailForNow,
    /// Fails with an error that cannot be retried.
    Fail,
    /// Hangs until [`Remote::unblock`](super::Remote::unblock), then fails.
    Never,
    /// Panics.
    Panic,
}

/// The answer of one call of `verify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Look {
    /// The truth.
    Truth,
    /// That it is gone, whatever is true.
    Gone,
    /// That it is there, whatever is true.
    Present,
    /// Unknown.
    Unknown,
    /// None: it hangs until [`Remote::unblock`](super::Remote::unblock).
    Never,
    /// None: it panics.
    Panic,
}

/// What happens at each step. A step with several acts goes through them, call by call, and stays on
/// the last.
#[derive(Debug, Clone)]
#[must_use]
pub struct Script {
    pub(super) acts: [VecDeque<Act>; 3],
    pub(super) looks: VecDeque<Look>,
    pub(super) blocking: Blocking,
}

impl Default for Script {
    /// Is released immediately, on every rung, and reports the truth.
    fn default() -> Self {
        Self {
            acts: Rung::ALL.map(|_| VecDeque::from([Act::Done])),
            looks: VecDeque::from([Look::Truth]),
            blocking: Blocking::Possible,
        }
    }
}

impl Script {
    /// What the calls on a rung do.
    ///
    /// # Panics
    /// There is no act.
    pub fn on(mut self, rung: Rung, acts: impl IntoIterator<Item = Act>) -> Self {
        self.acts[rung as usize] = acts.into_iter().collect();
        assert!(!self.acts[rung as usize].is_empty(), "a rung has an act");
        self
    }

    /// The answers of `verify`.
    ///
    /// # Panics
    /// There is no look.
    pub fn verify(mut self, looks: impl IntoIterator<Item = Look>) -> Self {
        self.looks = looks.into_iter().collect();
        assert!(!self.looks.is_empty(), "a script has a look");
        self
    }

    /// Whether it declares that its release can block the thread. Default: it does.
    pub fn blocking(mut self, blocking: Blocking) -> Self {
        self.blocking = blocking;
        self
    }
}

/// The next step of a list that stays on its last.
pub(super) fn next<T: Copy>(steps: &mut VecDeque<T>) -> Option<T> {
    if steps.len() > 1 {
        steps.pop_front()
    } else {
        steps.front().copied()
    }
}
