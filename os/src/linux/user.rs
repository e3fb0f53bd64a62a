//! Users.

/// The effective user of this process.
#[must_use]
pub fn effective_id() -> u32 {
    rustix::process::geteuid().as_raw()
}
