//! What the kernel has counted for this process.
#![expect(unsafe_code, reason = "getrusage has no safe form")]

/// The most that was ever resident, in bytes; of whatever program this process was before, too.
pub(super) fn peak() -> u64 {
    // SAFETY: all zeros is a value of this plain structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is valid for the call.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    u64::try_from(usage.ru_maxrss)
        .unwrap_or(0)
        .saturating_mul(1024)
}
