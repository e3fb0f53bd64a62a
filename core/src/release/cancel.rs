//! A request to stop, which the work checks for.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A token that is cancelled once, and all its children with it.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    cancelled: bool,
    children: Vec<Weak<Inner>>,
}

/// It was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was cancelled")]
pub struct Cancelled;

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels it and all its children. Once is enough; again does nothing.
    pub fn cancel(&self) {
        // Children are cancelled outside the lock, one level at a time: a deep family takes no stack.
        let mut family = vec![Arc::clone(&self.0)];
        while let Some(member) = family.pop() {
            let mut state = member.state.lock();
            state.cancelled = true;
            let children = std::mem::take(&mut state.children);
            family.extend(children.iter().filter_map(Weak::upgrade));
            member.woken.notify_all();
        }
    }

    /// A token that is cancelled with this one, and can be cancelled alone.
    #[must_use]
    pub fn child(&self) -> Self {
        let child = Self::new();
        let mut state = self.0.state.lock();
        if state.cancelled {
            child.0.state.lock().cancelled = true;
        } else {
            // Forgotten children would gather in a long-lived parent.
            state.children.retain(|child| child.strong_count() > 0);
            state.children.push(Arc::downgrade(&child.0));
        }
        child
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.state.lock().cancelled
    }

    /// For use with `?` between the steps of a piece of work.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    /// Waits until it is cancelled or the time is over; true if it was cancelled. A pause that ends
    /// when work must end.
    #[must_use]
    pub fn wait(&self, time: Duration) -> bool {
        let mut state = self.0.state.lock();
        self.0
            .woken
            .wait_while_for(&mut state, |state| !state.cancelled, time);
        state.cancelled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_cancelled_downwards_only() {
        let parent = CancelToken::new();
        let (first, second) = (parent.child(), parent.child());
        let grandchild = first.child();
        first.cancel();
        assert!(grandchild.is_cancelled());
        assert!(!parent.is_cancelled());
        assert!(!second.is_cancelled());
        parent.cancel();
        assert!(second.is_cancelled());
        assert!(parent.child().is_cancelled());
        assert!(second.wait(Duration::ZERO));
    }
}
