//! The C library's allocator.

/// `None`: this system's allocator cannot be asked to.
#[must_use]
pub fn trim() -> Option<bool> {
    None
}
