//! Backstop's interface to the operating system: processes, signals, cgroups, sockets, files and
//! their identities, and all `unsafe` code except the ledger's mapped memory.
//!
//! The rest of Backstop makes its system calls through this crate, with two exceptions: it reads
//! and writes plain files with `std::fs` (histories, logs, receipts, profiles), and starts its
//! guardian with `std::process::Command`.
//!
//! Takes PIDs, names and descriptors; returns plain values and `io::Result`. It decides nothing:
//! policies, the order of signals and verdicts are in the crates above. On systems without an
//! implementation every call fails with [`std::io::ErrorKind::Unsupported`], so that the crates
//! above still compile.
//!
//! # Examples
//! A file's identity distinguishes it from a successor with the same name:
//!
//! ```
//! # #[cfg(target_os = "linux")] {
//! use backstop_os::identity::Cookie;
//! use backstop_os::signal::Signal;
//!
//! assert_eq!("SIGTERM".parse::<Signal>()?, Signal::TERM);
//! assert_ne!(Cookie::random(), Cookie::random());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(all(target_os = "linux", not(backstop_os_unsupported)))]
#[path = "linux/mod.rs"]
mod platform;
#[cfg(any(not(target_os = "linux"), backstop_os_unsupported))]
#[path = "unsupported/mod.rs"]
mod platform;

pub mod identity;

// The inputs and results of the file modules, the same on every system.
pub mod files;
// Plain values that both implementations return.
pub mod adopt;
pub mod cgroup_identity;
pub mod forked;
pub mod holder;
#[cfg(feature = "heap-profile")]
pub mod jemalloc;
pub mod liveness;
pub mod machine_figures;
pub mod process_stat;
mod process_state;
pub mod scan;
pub mod signal;
pub mod socket_table;
pub mod spawn_error;
mod stat_line;
pub mod takedown;
pub mod usage;

pub use platform::*;
