//! A limit for the bytes in a group of temp files and directories.
//!
//! Applies to entries created with [`TempOptions::quota`](crate::TempOptions::quota). A write that would
//! exceed the limit fails before anything is written; bytes written by other programs are counted.

mod quota_file;
mod shared_limit;

pub use quota_file::QuotaFile;
pub(crate) use shared_limit::Membership;
pub use shared_limit::{Quota, QuotaUsage};
