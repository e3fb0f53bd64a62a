//! The one door to the operating system: every system call and every `unsafe` block but those of the
//! ledger's mapped memory stands here.
//!
//! Takes numbers, names and handles; gives plain values and `io::Result`. It decides nothing: no
//! policy, no ladder, no verdict. On systems without an implementation the twin in `unsupported`
//! answers every call with [`std::io::ErrorKind::Unsupported`], so that everything above compiles.

#[cfg(all(target_os = "linux", not(backstop_os_unsupported)))]
#[path = "linux/mod.rs"]
mod platform;
#[cfg(any(not(target_os = "linux"), backstop_os_unsupported))]
#[path = "unsupported/mod.rs"]
mod platform;

pub mod identity;

// What the file modules give on every system: plain values.
pub mod files;
// Plain values that both twins give.
pub mod adopt;
pub mod cgroup_identity;
pub mod forked;
pub mod holder;
#[cfg(feature = "heap-profile")]
pub mod jemalloc;
pub mod liveness;
pub mod machine_figures;
pub mod not_started;
pub mod process_stat;
pub mod scan;
pub mod signal;
pub mod socket_table;
mod stat_line;
pub mod takedown;
pub mod usage;

pub use platform::*;
