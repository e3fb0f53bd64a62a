//! Exit handlers and the end of the process.

/// Always false: nothing is called at exit on this system.
pub fn at_exit(_handler: extern "C" fn()) -> bool {
    false
}

/// Ends this process immediately.
pub fn kill_self() -> ! {
    std::process::abort();
}

/// Does nothing on this system.
pub fn ignore_end_signals() {}
