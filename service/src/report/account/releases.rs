//! How releases ended.

use serde::Serialize;

use backstop_core::monitor::LedgerSample;

/// How releases ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Releases {
    /// Verified, or without verification.
    pub succeeded: u64,
    /// Stuck.
    pub failed: u64,
}

impl Releases {
    /// The share that succeeded, from 0 to 1; `None` if there were none.
    #[must_use]
    pub fn success_share(&self) -> Option<f64> {
        let all = self.succeeded + self.failed;
        (all > 0).then(|| self.succeeded as f64 / all as f64)
    }

    fn of(ledger: &LedgerSample) -> Self {
        Self {
            succeeded: ledger.released,
            failed: ledger.stuck,
        }
    }
}

/// Converts counts since a program started into counts of a period.
#[derive(Debug, Default)]
pub(super) struct Counting {
    before: Option<Releases>,
    pub(super) total: Option<Releases>,
}

impl Counting {
    /// Another process: its counts start again. `from_zero` if its start is within the period.
    pub(super) fn restart(&mut self, from_zero: bool) {
        self.before = from_zero.then(Releases::default);
    }

    /// Takes a sample, and returns the increase.
    pub(super) fn take(&mut self, ledger: &LedgerSample) -> Releases {
        let now = Releases::of(ledger);
        // Less than before: another process without a recorded start.
        let before = self.before.replace(now).unwrap_or(now);
        let new = Releases {
            succeeded: now.succeeded.saturating_sub(before.succeeded),
            failed: now.failed.saturating_sub(before.failed),
        };
        let total = self.total.get_or_insert_default();
        total.succeeded += new.succeeded;
        total.failed += new.failed;
        new
    }
}
