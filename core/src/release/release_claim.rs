//! The claim to release one resource: one holder at a time. All that wait for the release see its end.

use std::time::Duration;

use crate::resource::Deadline;
use crate::sync::{AtomicU8, Condvar, Mutex, Ordering};

/// Who may release a resource, and the record of its release, of type `A`.
pub(super) struct ReleaseClaim<A> {
    phase: AtomicU8,
    ended: Mutex<Option<Box<(End, A)>>>,
    woken: Condvar,
}

/// Open: it may be used, and its release may begin.
const OPEN: u8 = 0;
/// A caller holds the claim, and is releasing it.
const RELEASING: u8 = 1;
/// It was released.
const RELEASED: u8 = 2;
/// Its release failed; a later attempt may begin.
const STUCK: u8 = 3;

/// How often a waiter checks for the end of a release that wakes no thread.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The result of claiming a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// The caller holds the claim from here on.
    Taken,
    /// Another caller holds it, or held it last.
    HeldByAnother,
    /// The resource was released.
    Released,
}

/// How a release ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It is gone.
    Released,
    /// It still exists, and any caller may try again.
    Stuck,
}

impl<A: Clone> ReleaseClaim<A> {
    pub(super) fn new() -> Self {
        Self {
            phase: AtomicU8::new(OPEN),
            ended: Mutex::new(None),
            woken: Condvar::new(),
        }
    }

    /// Takes the claim. Exactly one caller gets it, until it gives up as stuck.
    pub(super) fn take(&self) -> bool {
        [OPEN, STUCK].into_iter().any(|from| {
            // What users of the resource did before is seen by the releaser, and the other way round
            // for a second attempt. SeqCst for the entry's recipe: see `OwnTexts`.
            self.phase
                .compare_exchange(from, RELEASING, Ordering::SeqCst, Ordering::Acquire)
                .is_ok()
        })
    }

    /// Takes the claim, or returns who holds it: one answer, which loses no release that begins or ends
    /// meanwhile.
    pub(super) fn claim(&self) -> Claim {
        if self.take() {
            Claim::Taken
        } else if self.phase.load(Ordering::Acquire) == RELEASED {
            Claim::Released
        } else {
            Claim::HeldByAnother
        }
    }

    /// Whether it may be used: no release has begun.
    pub(super) fn is_open(&self) -> bool {
        // SeqCst for the entry's recipe, as in `take`.
        self.phase.load(Ordering::SeqCst) == OPEN
    }

    /// Whether it exists, or may exist.
    pub(super) fn is_takeable(&self) -> bool {
        matches!(self.phase.load(Ordering::Acquire), OPEN | STUCK)
    }

    /// Whether a release of it has begun and not ended.
    pub(super) fn is_taken(&self) -> bool {
        self.phase.load(Ordering::Acquire) == RELEASING
    }

    pub(super) fn is_released(&self) -> bool {
        self.phase.load(Ordering::Acquire) == RELEASED
    }

    /// Ends a release without a record. It wakes no thread, to cost nothing.
    pub(super) fn end_quietly(&self) {
        self.phase.store(RELEASED, Ordering::Release);
    }

    /// Ends a release with its record and wakes the threads that wait for it.
    pub(super) fn end(&self, end: End, record: A) {
        let mut ended = self.ended.lock();
        *ended = Some(Box::new((end, record)));
        let phase = match end {
            End::Released => RELEASED,
            End::Stuck => STUCK,
        };
        // Under the lock, or a waiter that has just read the phase would miss the wake-up.
        self.phase.store(phase, Ordering::Release);
        self.woken.notify_all();
    }

    /// The record of the last release that ended, waited for until the deadline. None if it has not
    /// ended, or ended quietly.
    pub(super) fn await_end(&self, deadline: Deadline) -> Option<A> {
        let mut ended = self.ended.lock();
        while self.is_taken() && !deadline.has_passed() {
            // A quiet end is polled for.
            let look = Deadline::after(LOOK_EVERY).earlier(deadline);
            self.woken.wait_until(&mut ended, look.instant());
        }
        let phase = self.phase.load(Ordering::Acquire);
        let (end, record) = ended.as_deref()?;
        // An earlier attempt's record, if the last one ended quietly.
        let is_stale = phase == RELEASED && *end == End::Stuck;
        (phase != RELEASING && !is_stale).then(|| record.clone())
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use std::sync::Arc;

    use loom::cell::Cell;
    use loom::thread;

    use super::*;

    fn far() -> Deadline {
        Deadline::after(Duration::from_secs(3600))
    }

    /// What only the holder of the right touches; loom fails if two do.
    struct Resource {
        claim: ReleaseClaim<u32>,
        touched: Cell<u32>,
    }

    impl Resource {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                claim: ReleaseClaim::new(),
                touched: Cell::new(0),
            })
        }

        fn touch(&self) -> u32 {
            self.touched.set(self.touched.get() + 1);
            self.touched.get()
        }

        /// What a guard's drop does.
        fn drop_guard(&self, end: End) {
            if self.claim.take() {
                let touched = self.touch();
                self.claim.end(end, touched);
            }
        }

        /// What shutdown does: releases it, or waits for the caller that does.
        fn shut_down(&self, end: End) -> Option<u32> {
            match self.claim.claim() {
                Claim::Taken => {
                    let touched = self.touch();
                    self.claim.end(end, touched);
                    Some(touched)
                }
                Claim::HeldByAnother => self.claim.await_end(far()),
                Claim::Released => None,
            }
        }
    }

    #[test]
    fn one_of_many_releases_it_and_none_ends_before_it_is_gone() {
        loom::model(|| {
            let resource = Resource::new();
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let resource = Arc::clone(&resource);
                    thread::spawn(move || {
                        resource.shut_down(End::Released);
                        assert!(resource.claim.is_released());
                    })
                })
                .collect();
            resource.drop_guard(End::Released);
            others.into_iter().for_each(|other| other.join().unwrap());
            assert_eq!(resource.claim.await_end(far()), Some(1));
        });
    }

    #[test]
    fn what_is_stuck_is_handed_on_to_the_next_attempt() {
        loom::model(|| {
            let resource = Resource::new();
            let other = {
                let resource = Arc::clone(&resource);
                thread::spawn(move || resource.drop_guard(End::Stuck))
            };
            let record = resource.shut_down(End::Released);
            other.join().unwrap();
            // Never a release that both leave to the other.
            assert!(record.is_some());
            assert!(resource.claim.is_takeable() || resource.claim.is_released());
            let seen = record.unwrap();
            if resource.claim.take() {
                assert!(resource.touch() > seen);
                resource.claim.end(End::Released, 0);
            }
            assert!(resource.claim.is_released());
        });
    }

    #[test]
    fn a_quiet_end_leaves_no_stale_account() {
        loom::model(|| {
            let resource = Resource::new();
            resource.drop_guard(End::Stuck);
            let other = {
                let resource = Arc::clone(&resource);
                thread::spawn(move || {
                    if resource.claim.take() {
                        resource.touch();
                        resource.claim.end_quietly();
                    }
                })
            };
            while !resource.claim.is_released() {
                thread::yield_now();
            }
            assert_eq!(resource.claim.await_end(far()), None);
            assert!(!resource.claim.take());
            other.join().unwrap();
        });
    }

    #[test]
    fn who_sees_it_open_was_not_overtaken_by_its_release() {
        loom::model(|| {
            let resource = Resource::new();
            let user = {
                let resource = Arc::clone(&resource);
                thread::spawn(move || {
                    let before = resource.claim.is_open();
                    let after = resource.claim.is_open();
                    assert!(before || !after, "it opened again");
                })
            };
            resource.drop_guard(End::Stuck);
            resource.drop_guard(End::Released);
            user.join().unwrap();
            assert_eq!(resource.claim.claim(), Claim::Released);
        });
    }
}
