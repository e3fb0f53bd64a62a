//! Threads.

/// The kernel's number of the calling thread.
#[must_use]
pub fn id() -> u32 {
    rustix::thread::gettid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs()
}
