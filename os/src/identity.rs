//! Who somebody is: plain data that proves a process or a file is the one that was recorded.
//!
//! Takes nothing; gives the values that recipes carry and that `os` reads from the kernel.
//! No system call is made here.

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
