//! Atomics and locks, and in their place loom's where its tests try every order in which threads can
//! meet: `RUSTFLAGS="--cfg loom" cargo test -p backstop-core --lib --release loom`.
//!
//! What is tested so says `use crate::sync`; the rest takes them from where they are.

#[cfg(not(all(test, loom)))]
mod plain {
    pub(crate) use parking_lot::{Condvar, Mutex};
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
    };
    use std::time::Duration;

    /// What is reached by address, under a right that its user explains.
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

    /// Waits for somebody who is about to be done, for the so manieth time.
    #[cold]
    pub(crate) fn pause(times: u32) {
        if times < 64 {
            std::hint::spin_loop();
        } else {
            // A sleep and not a yield: the one that is waited for may have the lower priority.
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Nothing: the accesses around it are sequentially consistent themselves.
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

    /// loom's cell, which sees two accesses at once.
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

    /// loom knows sequential consistency of fences only, and takes such an access for one that
    /// acquires and releases.
    pub(crate) fn sequentially_consistent() {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }

    /// loom's lock, as parking_lot's is used.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    pub(crate) struct Guard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    /// loom's condition. A wait never times out, so that a wake-up that is lost is found as a
    /// deadlock.
    #[derive(Debug)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Guard<'_, T> {
            Guard(Some(self.0.lock().expect("a model that panicked is over")))
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().expect("only a wait is without it")
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("only a wait is without it")
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(loom::sync::Condvar::new())
        }

        pub(crate) fn wait_until<T>(&self, guard: &mut Guard<'_, T>, _: Instant) {
            let held = guard.0.take().expect("only a wait is without it");
            let held = self.0.wait(held).expect("a model that panicked is over");
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
