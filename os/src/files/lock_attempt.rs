//! The result of trying to acquire a lock.

/// Whether a lock was acquired.
///
/// An attempt that failed for another reason is an error and proves neither; the caller must not
/// remove the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a lock that was not acquired protects nothing"]
pub enum LockAttempt {
    /// The lock is held through this open file until every copy of the descriptor is closed.
    Won,
    /// Another process holds it.
    Held,
}
