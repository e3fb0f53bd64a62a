//! Atomics and locks, replaced by loom's when its tests explore every interleaving of threads:
//! `RUSTFLAGS="--cfg loom" cargo test -p backstop-core --lib --release loom`.
//!
//! Code that is tested this way imports from `crate::sync`; other code imports the originals.

#[cfg(not(all(test, loom)))]
mod plain {
    pub(crate) use parking_lot::{Condvar, Mutex};
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
    };
    use std::time::Duration;

    /// A cell accessed by address; each user states why its access is exclusive.
    #[derive(Debug, Default)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with_mut<U>(&self, body: impl FnOnce(*mut T) -> U) -> U {
            body(self.0.get())
        }
    }

    /// Waits for another thread that is about to finish; `times` counts the waits so far.
    #[cold]
    pub(crate) fn pause(times: u32) {
        if times < 64 {
            std::hint::spin_loop();
        } else {
            // A sleep rather than a yield: the other thread may have a lower priority.
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Nothing: the accesses next to it are sequentially consistent themselves.
    #[inline(always)]
    pub(crate) fn sequentially_consistent() {}
}

#[cfg(all(test, loom))]
mod model {
    use std::ops::{Deref, DerefMut};
    use std::time::Instant;

    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
    };

    /// loom's cell, which detects concurrent accesses.
    #[derive(Debug, Default)]
    pub(crate) struct UnsafeCell<T>(loom::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with_mut<U>(&self, body: impl FnOnce(*mut T) -> U) -> U {
            self.0.with_mut(body)
        }
    }

    pub(crate) fn pause(_: u32) {
        loom::thread::yield_now();
    }

    /// loom models sequential consistency of fences only, and treats such an access as one that
    /// acquires and releases.
    pub(crate) fn sequentially_consistent() {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }

    /// loom's lock, with parking_lot's interface.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    pub(crate) struct Guard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    /// loom's condition variable. A wait never times out, so that a lost wake-up is detected as a
    /// deadlock.
    #[derive(Debug)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Guard<'_, T> {
            Guard(Some(
                self.0.lock().expect("the model ends when a thread panics"),
            ))
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().expect("taken only during a wait")
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("taken only during a wait")
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(loom::sync::Condvar::new())
        }

        pub(crate) fn wait_until<T>(&self, guard: &mut Guard<'_, T>, _: Instant) {
            let held = guard.0.take().expect("taken only during a wait");
            let held = self
                .0
                .wait(held)
                .expect("the model ends when a thread panics");
            guard.0 = Some(held);
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

#[cfg(all(test, loom))]
pub(crate) use model::*;
#[cfg(not(all(test, loom)))]
pub(crate) use plain::*;
