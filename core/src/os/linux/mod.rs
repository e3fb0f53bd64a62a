//! Linux, by its own interfaces.

// What the process itself has.
pub mod clock;
pub mod fork;
pub mod random;

// Processes.
pub mod cgroup;
mod cgroup_mount;
pub mod environment;
pub mod fork_child;
pub mod holders;
pub mod pinned;
pub mod process;
pub mod process_table;
mod procfs;
pub mod signals;
pub mod sockets;
pub mod subreaper;
pub mod tree;
mod tree_pass;
mod verification;
