//! Exit handlers and the end of the process.
#![expect(
    unsafe_code,
    reason = "atexit and signal dispositions have no safe form"
)]

/// Registers `handler` to be called when the process ends by returning from `main` or by `exit`.
/// Returns false if no more handlers can be registered.
pub fn at_exit(handler: extern "C" fn()) -> bool {
    // SAFETY: the handler is a function of the C calling convention that lives as long as the
    // program.
    unsafe { libc::atexit(handler) == 0 }
}

/// Ends this process as an external SIGKILL would: no more code runs.
pub fn kill_self() -> ! {
    // Cannot fail for the own process; if it did, an abort is the closest alternative.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort();
}

/// Ignores the signals by which a terminal or a supervisor terminates a program.
pub fn ignore_end_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: SIG_IGN is not a function of ours; no code runs in a handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}
