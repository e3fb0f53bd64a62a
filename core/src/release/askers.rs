//! How many want to know of each resource that begins to be tracked. While none does, an opening costs one
//! load and one branch.

use std::sync::atomic::{AtomicU32, Ordering};

/// Books that are open, and one more while backtraces are sampled.
static ASKERS: AtomicU32 = AtomicU32::new(0);

/// Whether any wants to know.
#[inline]
pub(super) fn any() -> bool {
    // Relaxed: a thread that opens a book sees its own store; sampling may begin a little later.
    ASKERS.load(Ordering::Relaxed) != 0
}

/// One more wants to know.
pub(super) fn add() {
    ASKERS.fetch_add(1, Ordering::Relaxed);
}

/// One fewer wants to know.
pub(super) fn remove() {
    ASKERS.fetch_sub(1, Ordering::Relaxed);
}
