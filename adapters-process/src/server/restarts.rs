//! The restart limit.

use std::collections::VecDeque;
use std::time::Instant;

use crate::config::RestartLimit;

/// Restarts counted against a limit.
#[derive(Debug)]
pub(crate) struct Restarts {
    limit: RestartLimit,
    within: VecDeque<Instant>,
}

impl Restarts {
    pub(crate) fn new(limit: RestartLimit) -> Self {
        Self {
            limit,
            within: VecDeque::new(),
        }
    }

    /// Whether another restart is allowed now; it is counted then.
    pub(crate) fn allow(&mut self, now: Instant) -> bool {
        while let Some(first) = self.within.front()
            && now.duration_since(*first) >= self.limit.window
        {
            self.within.pop_front();
        }
        let is_allowed = self.within.len() < self.limit.restarts as usize;
        if is_allowed {
            self.within.push_back(now);
        }
        is_allowed
    }

    /// How many there were within the window.
    pub(crate) fn recent(&self) -> u32 {
        u32::try_from(self.within.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn limit(&self) -> RestartLimit {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_window_allows_so_many_and_then_more_again() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut restarts = Restarts::new(RestartLimit::new(2, Duration::from_secs(5)));
        let allowed: Vec<bool> = [0, 1, 2, 5, 5, 6, 20]
            .into_iter()
            .map(|seconds| restarts.allow(at(seconds)))
            .collect();
        assert_eq!(allowed, [true, true, false, true, false, true, true]);
        assert!(!Restarts::new(RestartLimit::never()).allow(start));
    }
}
