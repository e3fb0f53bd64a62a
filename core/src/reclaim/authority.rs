//! The right to reclaim.

/// Held by whoever may kill and delete for a dead owner. Only a [`Sweep`](super::Sweep) that holds a
/// dead owner's lease makes one, so that a search for its name finds every place that destroys.
#[derive(Debug)]
pub struct Authority(());

impl Authority {
    /// For a sweep that won the lease of a ledger, or an adapter's rule that won the lock of what it
    /// judges.
    ///
    /// Say in `why` what proves that nobody owns it; it goes to the log.
    #[must_use]
    pub fn of_lock_holder(why: &str) -> Self {
        tracing::debug!(why, "authority to reclaim");
        Self(())
    }
}
