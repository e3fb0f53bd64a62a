//! What an unlucky or hostile machine does to code that kills and deletes: exchanged links,
//! reused PIDs and inodes, forks without exec, a disk that returns errors.
//!
//! The only place of the testkit that may be `unsafe`. Every attacker works on what its test made, and
//! returns why where the machine does not permit the attack.

mod directory_swapper;
mod exchange;
mod faceless;
mod failing_disk;
mod fork_without_exec;
mod inode_reuser;
mod pid_reuser;
mod raw_fork;
mod slow_start;
mod symlink_swapper;

pub use directory_swapper::DirectorySwapper;
pub use faceless::become_faceless;
pub use failing_disk::{DiskCall, fail_from_now_on, on_failing_disk};
pub use fork_without_exec::in_forked_child;
pub use inode_reuser::InodeReuser;
pub use pid_reuser::PidReuser;
pub use raw_fork::RawFork;
pub use slow_start::start_slowly;
pub use symlink_swapper::SymlinkSwapper;
