//! Sampled backtraces of openings: one in N is captured, without names, and kept by place.
//!
//! The place of a call is known for every resource; that one shows who called the place.

mod kept;
mod sampled;

use std::backtrace::Backtrace;
use std::cell::Cell;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

pub use self::sampled::{BacktraceCounts, SampledBacktrace, SiteBacktraces};

use self::kept::Kept;
use super::askers;
use crate::resource::{Kind, Site};

/// One in how many is captured; 0 is none.
static EVERY: AtomicU32 = AtomicU32::new(0);
/// Captures that were skipped because another thread held the store.
static PASSED_OVER: AtomicU64 = AtomicU64::new(0);
static KEPT: Mutex<Kept> = Mutex::new(Kept::new());

thread_local! {
    /// How many more resources until the next capture; 0 before the first.
    static LEFT: Cell<u32> = const { Cell::new(0) };
    static DICE: Cell<u32> = const { Cell::new(0) };
}

/// The sampling of backtraces in this process. Off until it is switched on.
///
/// # Guarantees
/// - While it is off, it costs nothing that the tracking of a resource does not cost without it.
/// - While it is on, no thread waits for another: a capture that meets another one is skipped and
///   counted.
/// - Names are looked up when a backtrace is [shown](SampledBacktrace::shown), on a thread of their own,
///   and never while a resource is tracked.
/// - At most [`SITES`](Self::SITES) places are kept, those last seen, and of each at most
///   [`EACH`](Self::EACH) backtraces, the first and the last always among them. What was dropped is
///   [counted](Self::counts).
#[derive(Debug)]
pub struct BacktraceSampling;

impl BacktraceSampling {
    /// One in 128.
    pub const EVERY: NonZeroU32 = NonZeroU32::new(128).expect("128 is not 0");
    /// The most places that are kept.
    pub const SITES: usize = kept::SITES;
    /// The most backtraces of one place that are kept.
    pub const EACH: usize = kept::EACH;

    /// Captures one in `every` resources from here on, on average and at random, so that places that
    /// take turns are all seen.
    pub fn on(every: NonZeroU32) {
        // Relaxed, here and below: a thread may learn of it a few resources later.
        if EVERY.swap(every.get(), Ordering::Relaxed) == 0 {
            askers::add();
        }
    }

    /// Captures no more. What is kept stays.
    pub fn off() {
        if EVERY.swap(0, Ordering::Relaxed) != 0 {
            askers::remove();
        }
    }

    /// One in how many is captured; `None` while it is off.
    #[must_use]
    pub fn every() -> Option<NonZeroU32> {
        NonZeroU32::new(EVERY.load(Ordering::Relaxed))
    }

    /// What is kept, the place last seen first.
    #[must_use]
    pub fn kept() -> Vec<SiteBacktraces> {
        KEPT.lock().all()
    }

    /// What was captured, and what of it is not kept.
    #[must_use]
    pub fn counts() -> BacktraceCounts {
        BacktraceCounts {
            passed_over: PASSED_OVER.load(Ordering::Relaxed),
            ..KEPT.lock().counts()
        }
    }

    /// Forgets what is kept; the counts stay.
    pub fn clear() {
        KEPT.lock().clear();
    }
}

/// Captures a backtrace if it is this resource's turn.
pub(super) fn sample(kind: Kind, site: Site) {
    let every = EVERY.load(Ordering::Relaxed);
    if every != 0 && is_turn(every) {
        capture(kind, site);
    }
}

/// Counts down to the next turn, on this thread alone.
fn is_turn(every: u32) -> bool {
    // Uniform from 1 to this: `every` on average.
    let longest = every.saturating_mul(2) - 1;
    let turn = LEFT.try_with(|left| {
        let count = match left.get() {
            0 => 1 + dice() % longest,
            // Not longer than it would be by now: `every` may have been changed.
            count => count.min(longest),
        };
        left.set(count - 1);
        count == 1
    });
    turn.unwrap_or(false)
}

/// A number that is random enough to spread captures (xorshift by Marsaglia), another on each thread.
fn dice() -> u32 {
    let drawn = DICE.try_with(|dice| {
        let mut number = match dice.get() {
            // Each thread's own address, and the time for threads that use one address in turn.
            0 => {
                (std::ptr::from_ref(dice).addr() as u64 ^ backstop_os::clock::monotonic()) as u32
                    | 1
            }
            number => number,
        };
        number ^= number << 13;
        number ^= number >> 17;
        number ^= number << 5;
        dice.set(number);
        number
    });
    drawn.unwrap_or(0)
}

#[cold]
fn capture(kind: Kind, site: Site) {
    let trace = Arc::new(Backtrace::force_capture());
    match KEPT.try_lock() {
        Some(mut kept) => kept.put(kind, site, trace),
        None => {
            PASSED_OVER.fetch_add(1, Ordering::Relaxed);
        }
    }
}
