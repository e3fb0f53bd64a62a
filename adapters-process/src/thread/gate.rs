//! A gate that every callback passes through, and none after it is closed.

use std::thread::ThreadId;

use backstop_core::resource::Deadline;
use parking_lot::{Condvar, Mutex};

/// Lets callbacks through until it is closed.
///
/// # Guarantees
/// After [`close`](Self::close) no callback begins. After [`wait_empty`](Self::wait_empty) returned true, no
/// callback of another thread is running or will run again: whether it is closed and which threads are
/// inside is one state behind one lock.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    /// The threads inside; one that passes again from within is listed twice.
    inside: Vec<ThreadId>,
}

impl Gate {
    /// Runs a callback, unless the gate is closed.
    pub(crate) fn pass<T>(&self, callback: impl FnOnce() -> T) -> Option<T> {
        let own = std::thread::current().id();
        {
            let mut state = self.state.lock();
            if state.is_closed {
                return None;
            }
            state.inside.push(own);
        }
        // Leaves also when the callback panics.
        let _inside = Inside { gate: self, own };
        Some(callback())
    }

    /// Closes the gate. Does not wait for the threads inside.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
    }

    /// Waits until no other thread is inside: a callback may stop its own worker.
    pub(crate) fn wait_empty(&self, deadline: Deadline) -> bool {
        let own = std::thread::current().id();
        let mut state = self.state.lock();
        let late = self.left.wait_while_until(
            &mut state,
            |state| state.inside.iter().any(|inside| *inside != own),
            deadline.instant(),
        );
        !late.timed_out()
    }

    /// Whether no thread is inside.
    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().inside.is_empty()
    }
}

struct Inside<'a> {
    gate: &'a Gate,
    own: ThreadId,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state.lock();
        if let Some(at) = state.inside.iter().position(|inside| *inside == self.own) {
            state.inside.swap_remove(at);
        }
        self.gate.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(30))
    }

    #[test]
    fn none_passes_once_it_is_closed_and_empty() {
        for _ in 0..200 {
            let (gate, stopped) = (Gate::default(), AtomicBool::new(false));
            let (passed, late) = (AtomicUsize::new(0), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        while gate
                            .pass(|| {
                                passed.fetch_add(1, Ordering::Relaxed);
                                late.fetch_add(
                                    usize::from(stopped.load(Ordering::SeqCst)),
                                    Ordering::Relaxed,
                                );
                            })
                            .is_some()
                        {}
                    });
                }
                while passed.load(Ordering::Relaxed) == 0 {
                    std::hint::spin_loop();
                }
                gate.close();
                assert!(gate.wait_empty(soon()));
                stopped.store(true, Ordering::SeqCst);
            });
            assert_eq!(late.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn a_callback_that_closes_its_own_gate_does_not_wait_for_itself() {
        let gate = Gate::default();
        let closed = gate.pass(|| {
            gate.close();
            (gate.wait_empty(soon()), gate.pass(|| ()))
        });
        assert_eq!(closed, Some((true, None)));
        assert!(gate.is_empty());
    }

    #[test]
    fn a_callback_that_panics_has_left() {
        let gate = Gate::default();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            gate.pass(|| panic!("on purpose"))
        }));
        assert!(panicked.is_err() && gate.is_empty());
    }
}
