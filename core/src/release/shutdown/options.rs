//! How long the end of the program may take.

use std::time::Duration;

/// How long the end of the program may take.
#[derive(Debug, Clone, Copy)]
pub struct ShutdownOptions {
    /// For everything together, on a first signal or at exit. Default: 10 s.
    pub deadline: Duration,
    /// For everything together, once a second signal has come. Default: 3 s.
    pub force_deadline: Duration,
}

impl Default for ShutdownOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            force_deadline: Duration::from_secs(3),
        }
    }
}
