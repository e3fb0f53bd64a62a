//! How many bytes the temp files of one piece of work may hold.
//!
//! Takes what is made with [`TempOptions::quota`](crate::TempOptions::quota); gives an error before a
//! write would exceed the limit, and a count of what others wrote there.

mod account;
mod quota_file;

pub(crate) use account::Membership;
pub use account::{Quota, Usage};
pub use quota_file::QuotaFile;
