//! How many observers of openings there are. While there is none, an opening costs one load and one branch.

use std::sync::atomic::{AtomicU32, Ordering};

/// Books that are open, and one more while backtraces are sampled.
static ASKERS: AtomicU32 = AtomicU32::new(0);

/// Whether there is any.
#[inline]
pub(super) fn any() -> bool {
    // Relaxed: a thread that opens a book sees its own store; sampling may begin a little later.
    ASKERS.load(Ordering::Relaxed) != 0
}

/// Adds one.
pub(super) fn add() {
    ASKERS.fetch_add(1, Ordering::Relaxed);
}

/// Removes one.
pub(super) fn remove() {
    ASKERS.fetch_sub(1, Ordering::Relaxed);
}
