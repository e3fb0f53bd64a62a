//! The implementation for Linux.

// The process itself.
pub mod before_exec;
pub mod clock;
pub mod exit;
pub mod fork;
pub mod heap;
pub mod own_usage;
pub mod random;
pub mod readiness;
pub mod reserve;
mod rusage;
pub mod thread;
pub mod user;
pub mod write_at;

// Files.
mod beneath;
pub mod claim;
mod descent;
pub mod descriptors;
pub mod directory;
mod file_identity;
mod listing;
pub mod lock;
#[cfg(test)]
mod place;
pub mod private;
pub mod quarantine;
pub mod removal;
mod signs;
mod status;
pub mod survey;

// Processes.
mod by_cookie;
pub mod cgroup;
mod cgroup_mount;
pub mod cgroup_usage;
pub mod environment;
pub mod fork_child;
pub mod holders;
mod identity_reading;
pub mod pinned;
pub mod process;
pub mod process_group;
pub mod process_table;
pub mod process_usage;
mod procfs;
pub mod signals;
pub mod sockets;
pub mod spawn_in_cgroup;
pub mod subreaper;
pub mod tree;
mod tree_pass;
pub mod usage_table;
mod verification;

// The machine.
pub mod machine_usage;
