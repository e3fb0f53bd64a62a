//! Clocks.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::identity::BootId;

/// Nanoseconds of the monotonic clock.
#[must_use]
pub fn coarse() -> u64 {
    monotonic()
}

/// Nanoseconds of the monotonic clock, counted from the first call.
#[must_use]
pub fn monotonic() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds of the monotonic clock: time suspended is not known on this system.
#[must_use]
pub fn since_boot() -> u64 {
    monotonic()
}

/// Zero: processor time is not known on this system.
#[must_use]
pub fn process_time() -> Duration {
    Duration::ZERO
}

/// Zero: processor time is not known on this system.
#[must_use]
pub fn thread_time() -> Duration {
    Duration::ZERO
}

/// # Errors
/// Always: this system's boot identifier is not known.
pub fn boot_id() -> std::io::Result<BootId> {
    Err(std::io::ErrorKind::Unsupported.into())
}
