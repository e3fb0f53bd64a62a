//! Systems without an implementation: the same functions, which fail with `Unsupported`.

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
pub mod thread;
pub mod user;
pub mod write_at;

// Files.
pub mod claim;
pub mod descriptors;
pub mod directory;
pub mod lock;
pub mod private;
pub mod quarantine;
pub mod removal;
pub mod survey;

// Processes.
pub mod cgroup;
pub mod cgroup_usage;
pub mod environment;
pub mod fork_child;
pub mod holders;
pub mod pinned;
pub mod process;
pub mod process_group;
pub mod process_table;
pub mod process_usage;
pub mod signals;
pub mod sockets;
pub mod spawn_in_cgroup;
pub mod subreaper;
pub mod tree;
pub mod usage_table;

// The machine.
pub mod machine_usage;
