//! A resource with several owners: its guard, the table of open resources, the thread that releases
//! it.
#![expect(unsafe_code, reason = "the shared value is freed by its last holder")]

use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

use crate::resource::TrackedResource;
use crate::sync::{AtomicU32, Ordering, fence};

/// One reference to a resource and its head, the data known about it.
///
/// An `Arc` that is created with two references and gives up two at once, because a guard and its
/// place in the table start and end together: both without an atomic change of the count, which is
/// most of the cost of tracking a small value. There are no weak references.
pub(crate) struct Share<H, R: ?Sized> {
    counted: NonNull<Counted<H, R>>,
    /// Any holder may be the one to drop it.
    owned: PhantomData<Counted<H, R>>,
}

/// A resource with its head, and the number of references.
#[derive(Debug)]
pub(crate) struct Counted<H, R: ?Sized> {
    holders: AtomicU32,
    head: H,
    pub(crate) resource: R,
}

/// More references than this indicate a leak of references; the count must not overflow to zero.
const MOST: u32 = u32::MAX / 2;

// SAFETY: as for `Arc`: each holder accesses both parts from its own thread, and any may drop them.
unsafe impl<H: Send + Sync, R: Send + Sync + ?Sized> Send for Share<H, R> {}
// SAFETY: as above; a shared reference can be cloned into one owned by another thread.
unsafe impl<H: Send + Sync, R: Send + Sync + ?Sized> Sync for Share<H, R> {}

impl<H, R> Share<H, R> {
    /// A resource with its head, with one reference.
    pub(crate) fn one(head: H, resource: R) -> Self {
        Self::held(1, head, resource)
    }

    /// A resource with its head, with two references.
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
    /// The same reference, to any type of resource.
    pub(crate) fn into_any(self) -> Share<H, dyn TrackedResource> {
        let any = Share::of(self.counted as NonNull<Counted<H, dyn TrackedResource>>);
        // The returned value now owns the reference.
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

    /// Gives up two references to the same resource; if they are to different ones, drops each.
    pub(crate) fn give_up(self, other: Self) {
        if !std::ptr::addr_eq(self.counted.as_ptr(), other.counted.as_ptr()) {
            return;
        }
        let _ = std::mem::ManuallyDrop::new(other);
        let last = std::mem::ManuallyDrop::new(self);
        // SAFETY: both references are given up here, and neither is dropped.
        unsafe { last.leave(2) };
    }

    /// Gives up this number of references, and frees the shared value if they were the last.
    ///
    /// # Safety
    /// The caller owns this number of references, and uses none of them afterwards.
    #[inline]
    unsafe fn leave(&self, holds: u32) {
        // Acquire: what other threads did before they gave up theirs is complete. A thread that
        // sees only its own references is the last one, without changing the count: no other
        // reference exists that could be cloned.
        let holders = self.holders.load(Ordering::Acquire);
        if holders != holds {
            // Release: uses through these references are complete for the thread that is last.
            if self.holders.fetch_sub(holds, Ordering::Release) != holds {
                return;
            }
            fence(Ordering::Acquire);
        }
        // SAFETY: it came from a box, and there are no references to it any more.
        drop(unsafe { Box::from_raw(self.counted.as_ptr()) });
    }
}

impl<H, R: ?Sized> Clone for Share<H, R> {
    fn clone(&self) -> Self {
        // Relaxed: a thread with a reference already sees all that it needs to.
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
        // SAFETY: it is freed with its last reference only, and this is one.
        unsafe { self.counted.as_ref() }
    }
}

impl<H, R: ?Sized> Drop for Share<H, R> {
    fn drop(&mut self) {
        // SAFETY: this is the one reference that `self` is, and it is gone afterwards.
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
