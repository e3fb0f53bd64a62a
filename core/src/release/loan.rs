//! What a pool has lent, and what it has done.

use crate::resource::Site;

/// One resource that is lent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loan {
    pub(super) number: u64,
    /// Where it was borrowed.
    pub site: Site,
    /// When: nanoseconds of the pool's clock.
    pub since: u64,
}

/// What a pool did, and what it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStatistics {
    /// Idle now.
    pub idle: usize,
    /// Lent now.
    pub lent: usize,
    /// Threads that wait now.
    pub waiting: usize,
    /// Opened since the start.
    pub opened: u64,
    /// Lent again without opening.
    pub reused: u64,
    /// Released instead of kept: not clean, or returned in a panic.
    pub rejected: u64,
    /// Released after lying idle.
    pub evicted: u64,
    /// Checkouts that timed out.
    pub timed_out: u64,
}
