//! The C library's allocator.

use crate::usage::HeapUsage;

/// `None`: this system's allocator does not report it.
#[must_use]
pub fn usage() -> Option<HeapUsage> {
    None
}

/// `None`: not supported by this system's allocator.
#[must_use]
pub fn trim() -> Option<bool> {
    None
}
