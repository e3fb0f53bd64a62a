//! Noticing a fork without exec.

/// Always true: forks are not noticed on this system.
#[must_use]
pub fn is_original_process() -> bool {
    true
}
