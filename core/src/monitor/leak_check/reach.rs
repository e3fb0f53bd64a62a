//! How far a check reaches.

/// How far a check can determine what belongs to the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// Only the body runs in the process: everything in it is compared.
    Process,
    /// Other code may run at the same time: only what the calling thread did is compared.
    Thread,
}

impl Reach {
    /// As far as can be determined: nextest sets an environment variable if it starts a process for
    /// each test.
    pub(super) fn found() -> Self {
        match std::env::var_os("NEXTEST_EXECUTION_MODE") {
            Some(mode) if mode == "process-per-test" => Self::Process,
            _ => Self::Thread,
        }
    }
}
