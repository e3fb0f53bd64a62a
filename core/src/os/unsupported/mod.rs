//! Systems without an implementation: the same calls, each an honest "unsupported".

// What the process itself has.
pub mod clock;
pub mod fork;
pub mod random;
pub mod reserve;
pub mod thread;
pub mod user;
pub mod exit;
