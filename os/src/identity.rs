//! Identity: plain data that proves that a process or a file is the one that was recorded.
//!
//! Takes nothing; returns the values that recipes carry and that the rest of this crate reads from
//! the kernel. The types here make no system call, with one exception: [`Cookie::random`] asks the
//! kernel for random bytes.

mod boot;
mod cookie;
mod file;
mod process;
mod refusal;

pub use boot::BootId;
pub use cookie::{Cookie, ParseCookieError};
pub use file::FileIdentity;
pub use process::{ExecutableIdentity, ProcessIdentity};
pub use refusal::Refusal;
