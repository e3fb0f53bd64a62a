//! The end of the process.
#![expect(
    unsafe_code,
    reason = "atexit and signal dispositions have no safe form"
)]

/// Has `handler` called when the process ends by returning from `main` or by `exit`. False if there
/// is no room for one more.
pub fn at_exit(handler: extern "C" fn()) -> bool {
    // SAFETY: the handler is a function of the C calling convention that lives as long as the program.
    unsafe { libc::atexit(handler) == 0 }
}

/// Ends this process as a SIGKILL from outside would: nothing runs any more.
pub fn kill_self() -> ! {
    // Cannot fail for oneself; if it did, an abort is the next best.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort();
}

/// Ignores the signals by which a terminal or a supervisor ends a program.
pub fn ignore_end_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: SIG_IGN is no function of ours; nothing runs in a handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}
