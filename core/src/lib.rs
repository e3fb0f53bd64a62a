//! Tracks what an allocator does not, releases each by a policy, verifies that it is gone, and
//! reclaims what a killed program left.

pub mod identity;
pub mod os;
