//! The rules for one kind of resource.

use std::time::Duration;

use super::{Backoff, Criticality, Facts, Order, Reason, Verdict};
use crate::resource::Rung;

/// Limits, deadlines, order and retries for the resources of a kind.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_core::policy::{CleanupPolicy, Facts, Reason, Verdict};
///
/// let policy = CleanupPolicy::default().with_idle_limit(Duration::from_secs(60));
/// let facts = Facts { age: Duration::from_secs(90), idle: Duration::from_secs(61) };
/// assert_eq!(policy.judge(&facts), Verdict::Release(Reason::Idle { limit: Duration::from_secs(60) }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanupPolicy {
    lifetime_limit: Option<Duration>,
    idle_limit: Option<Duration>,
    deadlines: [Duration; 3],
    verify_deadline: Duration,
    drop_patience: Duration,
    retries: u32,
    backoff: Backoff,
    order: Order,
    criticality: Criticality,
}

impl Default for CleanupPolicy {
    /// No limits; 2 s to ask, 2 s to insist, 3 s to force; 1 s for a verification; a drop waits 500 ms;
    /// 3 retries; normal order and criticality.
    fn default() -> Self {
        Self {
            lifetime_limit: None,
            idle_limit: None,
            deadlines: [
                Duration::from_secs(2),
                Duration::from_secs(2),
                Duration::from_secs(3),
            ],
            verify_deadline: Duration::from_secs(1),
            drop_patience: Duration::from_millis(500),
            retries: 3,
            backoff: Backoff::default(),
            order: Order::Normal,
            criticality: Criticality::Normal,
        }
    }
}

impl CleanupPolicy {
    /// Releases a resource this long after it was opened, in use or not. Default: never.
    #[must_use]
    pub fn with_lifetime_limit(mut self, limit: Duration) -> Self {
        self.lifetime_limit = Some(limit);
        self
    }

    /// Releases a resource this long after it was last touched. Default: never.
    #[must_use]
    pub fn with_idle_limit(mut self, limit: Duration) -> Self {
        self.idle_limit = Some(limit);
        self
    }

    /// Time limit of a rung of the release ladder. Default: 2 s to ask, 2 s to insist, 3 s to
    /// force. Zero skips the rung, except the last: a forced release is always attempted once.
    #[must_use]
    pub fn with_deadline(mut self, rung: Rung, limit: Duration) -> Self {
        self.deadlines[rung as usize] = limit;
        self
    }

    /// Time limit of one verification. Default: 1 s.
    #[must_use]
    pub fn with_verify_deadline(mut self, limit: Duration) -> Self {
        self.verify_deadline = limit;
        self
    }

    /// How long dropping a guard waits for the release before it continues without it. Default: 500
    /// ms.
    #[must_use]
    pub fn with_drop_patience(mut self, limit: Duration) -> Self {
        self.drop_patience = limit;
        self
    }

    /// How often a failed release is retried on the same rung. Default: 3.
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The delay between retries.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Its position in the order of release. Default: [`Order::Normal`].
    #[must_use]
    pub fn with_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Whether it may be released when the program is short of memory or file descriptors. Default:
    /// [`Criticality::Normal`].
    #[must_use]
    pub fn with_criticality(mut self, criticality: Criticality) -> Self {
        self.criticality = criticality;
        self
    }

    /// Whether a resource with these facts must be released.
    pub fn judge(&self, facts: &Facts) -> Verdict {
        if let Some(limit) = self.lifetime_limit.filter(|limit| facts.age > *limit) {
            return Verdict::Release(Reason::OverLifetime { limit });
        }
        if let Some(limit) = self.idle_limit.filter(|limit| facts.idle > *limit) {
            return Verdict::Release(Reason::Idle { limit });
        }
        Verdict::Keep
    }

    /// How long a resource may be open.
    #[must_use]
    pub fn lifetime_limit(&self) -> Option<Duration> {
        self.lifetime_limit
    }

    /// How long a resource may be open untouched.
    #[must_use]
    pub fn idle_limit(&self) -> Option<Duration> {
        self.idle_limit
    }

    /// Time limit of a rung of the release ladder.
    #[must_use]
    pub fn deadline(&self, rung: Rung) -> Duration {
        self.deadlines[rung as usize]
    }

    /// Time limit of one verification.
    #[must_use]
    pub fn verify_deadline(&self) -> Duration {
        self.verify_deadline
    }

    /// How long dropping a guard waits for the release.
    #[must_use]
    pub fn drop_patience(&self) -> Duration {
        self.drop_patience
    }

    /// How often a failed release is retried on the same rung.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// The delay between retries.
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// Its position in the order of release.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// Whether it may be released when the program is short of memory or file descriptors.
    #[must_use]
    pub fn criticality(&self) -> Criticality {
        self.criticality
    }

    /// Whether any limit is set that has to be enforced.
    #[must_use]
    pub fn has_limits(&self) -> bool {
        self.lifetime_limit.is_some() || self.idle_limit.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_limits_everything_is_kept() {
        let facts = Facts {
            age: Duration::MAX,
            idle: Duration::MAX,
        };
        assert_eq!(CleanupPolicy::default().judge(&facts), Verdict::Keep);
    }

    #[test]
    fn a_limit_is_exceeded_only_beyond_it() {
        let limit = Duration::from_secs(10);
        let policy = CleanupPolicy::default().with_lifetime_limit(limit);
        let at = |age| {
            policy.judge(&Facts {
                age,
                idle: Duration::ZERO,
            })
        };
        assert_eq!(at(limit), Verdict::Keep);
        assert_eq!(
            at(limit + Duration::from_nanos(1)),
            Verdict::Release(Reason::OverLifetime { limit })
        );
    }
}
