//! The C library's allocator.

use crate::usage::HeapUsage;

/// `None`: this system's allocator does not tell.
#[must_use]
pub fn usage() -> Option<HeapUsage> {
    None
}

/// `None`: this system's allocator cannot be asked to.
#[must_use]
pub fn trim() -> Option<bool> {
    None
}
