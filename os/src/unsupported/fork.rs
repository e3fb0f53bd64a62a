//! Detects a fork without exec.

/// Always true: forks are not detected on this system.
#[must_use]
pub fn is_original_process() -> bool {
    true
}

/// Runs `body`, which starts a program. Children inherit all descriptors on this system.
pub fn executing<T>(body: impl FnOnce() -> T) -> T {
    body()
}
