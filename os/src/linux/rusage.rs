//! The kernel's resource counters for this process.
#![expect(unsafe_code, reason = "getrusage has no safe form")]

/// Peak resident memory in bytes, including that of programs this process executed before.
pub(super) fn peak() -> u64 {
    // SAFETY: all zeros is a value of this plain structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid for the call.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    u64::try_from(usage.ru_maxrss)
        .unwrap_or(0)
        .saturating_mul(1024)
}
