//! Threads.

/// Zero: this system's thread numbers are not known.
#[must_use]
pub fn id() -> u32 {
    0
}
