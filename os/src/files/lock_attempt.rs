//! What trying a lock gave.

/// Whether a lock was won.
///
/// An attempt that failed for another reason is an error, and proves neither: whoever wanted to
/// remove the file leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a lock that was not won protects nothing"]
pub enum LockAttempt {
    /// The lock is held through this open file now, until every copy of the handle is closed.
    Won,
    /// Somebody else holds it.
    Held,
}
