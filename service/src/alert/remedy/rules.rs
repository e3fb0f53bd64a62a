//! Which remedies an alert triggers, and how often each may act.

use std::collections::HashMap;
use std::time::Duration;

use super::{Remedy, Shrinkage};
use crate::alert::level::Level;

/// Which remedies an alert of each level triggers, in which order, and how often each may act.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use backstop_service::alert::{Level, Remedy, RemedyRules};
///
/// let idle = Remedy::ReleaseIdle { longer_than: Duration::from_secs(300) };
/// let rules = RemedyRules::default()
///     .with_level(Level::Error, [Remedy::Trim, idle])
///     .with_interval(idle, Duration::from_secs(600));
/// assert_eq!(rules.of(Level::Error), [Remedy::Trim, idle]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemedyRules {
    levels: [Vec<Remedy>; Level::ALL.len()],
    intervals: HashMap<&'static str, Duration>,
}

impl Default for RemedyRules {
    /// Only harmless remedies: a warning trims; an error also shrinks caches to half; a critical
    /// alert trims, shrinks caches to nothing, and enforces the policies. Anything harsher has to
    /// be configured.
    ///
    /// A trim and the caches at most once a minute, releases and the plan once in five minutes,
    /// releasing all and the stop once an hour.
    fn default() -> Self {
        Self {
            levels: [
                vec![Remedy::Trim],
                vec![Remedy::ShrinkCaches(Shrinkage::Half), Remedy::Trim],
                vec![
                    Remedy::ShrinkCaches(Shrinkage::All),
                    Remedy::EnforcePolicies,
                    Remedy::Trim,
                ],
            ],
            intervals: HashMap::new(),
        }
    }
}

impl RemedyRules {
    /// No remedies, until levels are configured.
    #[must_use]
    pub fn none() -> Self {
        Self {
            levels: Default::default(),
            intervals: HashMap::new(),
        }
    }

    /// What an alert of this level triggers, in this order.
    #[must_use]
    pub fn with_level(mut self, level: Level, remedies: impl Into<Vec<Remedy>>) -> Self {
        self.levels[level as usize] = remedies.into();
        self
    }

    /// The minimum interval of a remedy, whatever its details and whatever requests it.
    #[must_use]
    pub fn with_interval(mut self, remedy: Remedy, interval: Duration) -> Self {
        self.intervals.insert(remedy.name(), interval);
        self
    }

    /// What an alert of this level triggers.
    #[must_use]
    pub fn of(&self, level: Level) -> &[Remedy] {
        &self.levels[level as usize]
    }

    /// The minimum interval of a remedy.
    #[must_use]
    pub fn interval(&self, remedy: Remedy) -> Duration {
        let own = self.intervals.get(remedy.name()).copied();
        own.unwrap_or(Duration::from_secs(match remedy {
            Remedy::Trim | Remedy::ShrinkCaches(_) => 60,
            Remedy::EnforcePolicies
            | Remedy::ReleaseIdle { .. }
            | Remedy::ReleaseOverAge { .. }
            | Remedy::ReleaseExpendable
            | Remedy::FreeMemory => 300,
            Remedy::ReleaseAll | Remedy::Stop => 3600,
        }))
    }
}
