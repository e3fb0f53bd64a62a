//! A resource held by several at once: its guard, the table of everything open, whoever releases it.
#![expect(
    unsafe_code,
    reason = "what is shared is freed by whoever of its holders goes last"
)]

use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

use crate::resource::TrackedResource;
use crate::sync::{AtomicU32, Ordering, fence};

/// One hold on a resource and what is known of it, its head.
///
/// An `Arc` of which two are made at once and given up at once, as a guard and its place in the table
/// begin and end together: both without an atomic change of the count, which is most of what tracking
/// a small value costs. There are no weak ones.
pub(crate) struct Share<H, R: ?Sized> {
    counted: NonNull<Counted<H, R>>,
    /// Whoever holds it may be the one to drop it.
    owned: PhantomData<Counted<H, R>>,
}

/// A resource with its head, and the number of those who hold both.
#[derive(Debug)]
pub(crate) struct Counted<H, R: ?Sized> {
    holders: AtomicU32,
    head: H,
    pub(crate) resource: R,
}

/// More holders than this are a leak of holds; the count must not come round to zero.
const MOST: u32 = u32::MAX / 2;

// SAFETY: as for `Arc`: each holder reaches both parts from its own thread, and any may drop them.
unsafe impl<H: Send + Sync, R: Send + Sync + ?Sized> Send for Share<H, R> {}
// SAFETY: as above; a shared hold can be cloned into one of another thread's own.
unsafe impl<H: Send + Sync, R: Send + Sync + ?Sized> Sync for Share<H, R> {}

impl<H, R> Share<H, R> {
    /// A resource with its head, held once.
    pub(crate) fn one(head: H, resource: R) -> Self {
        Self::held(1, head, resource)
    }

    /// A resource with its head, held twice.
    pub(crate) fn two(head: H, resource: R) -> (Self, Self) {
        let first = Self::held(2, head, resource);
        let second = Self::of(first.counted);
        (first, second)
    }

    fn held(holders: u32, head: H, resource: R) -> Self {
        let counted = Box::new(Counted {
            holders: AtomicU32::new(holders),
            head,
            resource,
        });
        Self::of(NonNull::from(Box::leak(counted)))
    }
}

impl<H, R: TrackedResource> Share<H, R> {
    /// The same hold, on any resource.
    pub(crate) fn into_any(self) -> Share<H, dyn TrackedResource> {
        let any = Share::of(self.counted as NonNull<Counted<H, dyn TrackedResource>>);
        // The hold is the other's from here on.
        let _ = std::mem::ManuallyDrop::new(self);
        any
    }
}

impl<H, R: ?Sized> Share<H, R> {
    fn of(counted: NonNull<Counted<H, R>>) -> Self {
        Self {
            counted,
            owned: PhantomData,
        }
    }

    /// Gives up two holds on the same resource; on two different ones, each for itself.
    pub(crate) fn give_up(self, other: Self) {
        if !std::ptr::addr_eq(self.counted.as_ptr(), other.counted.as_ptr()) {
            return;
        }
        let _ = std::mem::ManuallyDrop::new(other);
        let last = std::mem::ManuallyDrop::new(self);
        // SAFETY: both holds are given up here, and neither is dropped.
        unsafe { last.leave(2) };
    }

    /// Takes so many holds back, and frees what is shared if they were all.
    ///
    /// # Safety
    /// The caller has so many holds, and uses none of them after this.
    #[inline]
    unsafe fn leave(&self, holds: u32) {
        // Acquire: what others did before they gave theirs up is over. Who sees only its own holds is
        // the last, without changing the count: nobody else has one from which to make another.
        let holders = self.holders.load(Ordering::Acquire);
        if holders != holds {
            // Release: what was done with these holds is over for whoever is the last.
            if self.holders.fetch_sub(holds, Ordering::Release) != holds {
                return;
            }
            fence(Ordering::Acquire);
        }
        // SAFETY: it came from a box, and nobody holds it any more.
        drop(unsafe { Box::from_raw(self.counted.as_ptr()) });
    }
}

impl<H, R: ?Sized> Clone for Share<H, R> {
    fn clone(&self) -> Self {
        // Relaxed: who has a hold already sees all that it needs to.
        if self.holders.fetch_add(1, Ordering::Relaxed) > MOST {
            std::process::abort();
        }
        Self::of(self.counted)
    }
}

impl<H, R: ?Sized> Deref for Share<H, R> {
    type Target = Counted<H, R>;

    #[inline]
    fn deref(&self) -> &Counted<H, R> {
        // SAFETY: it is freed with its last hold only, and this is one.
        unsafe { self.counted.as_ref() }
    }
}

impl<H, R: ?Sized> Drop for Share<H, R> {
    fn drop(&mut self) {
        // SAFETY: this is the one hold that `self` is, and it is gone after this.
        unsafe { self.leave(1) };
    }
}

impl<H, R: ?Sized> Deref for Counted<H, R> {
    type Target = H;

    #[inline]
    fn deref(&self) -> &H {
        &self.head
    }
}
