//! Clocks.
#![expect(
    unsafe_code,
    reason = "clock_gettime has no safe form that instruction counters can run"
)]

use std::time::Duration;

use crate::identity::BootId;

/// Nanoseconds of the coarse monotonic clock: up to a few milliseconds old, read in about 7 ns.
#[must_use]
#[inline]
pub fn coarse() -> u64 {
    nanoseconds(libc::CLOCK_MONOTONIC_COARSE)
}

/// Nanoseconds of the monotonic clock, which stops while the machine is suspended.
#[must_use]
#[inline]
pub fn monotonic() -> u64 {
    nanoseconds(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds since boot, including time suspended.
#[must_use]
#[inline]
pub fn since_boot() -> u64 {
    nanoseconds(libc::CLOCK_BOOTTIME)
}

/// Processor time of this process, all threads together.
#[must_use]
pub fn process_time() -> Duration {
    Duration::from_nanos(nanoseconds(libc::CLOCK_PROCESS_CPUTIME_ID))
}

/// Processor time of the calling thread.
#[must_use]
pub fn thread_time() -> Duration {
    Duration::from_nanos(nanoseconds(libc::CLOCK_THREAD_CPUTIME_ID))
}

#[inline]
fn nanoseconds(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is valid for the call. Through the C library and not rustix, whose own
    // use of the vDSO does not start under valgrind.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    // Both parts are non-negative for clocks that count from boot or from a start.
    (time.tv_sec as u64)
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.tv_nsec as u64)
}

/// This boot's identifier.
///
/// # Errors
/// `/proc` is hidden, or the identifier is not a UUID.
pub fn boot_id() -> std::io::Result<BootId> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text
        .trim()
        .chars()
        .filter(|character| *character != '-')
        .collect();
    let cookie: crate::identity::Cookie = digits
        .parse()
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))?;
    Ok(BootId::from_bytes(*cookie.as_bytes()))
}
