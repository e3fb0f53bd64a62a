//! Records of releases that ran no ladder here: another caller made them, or no thread was available.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::deadline_call::CallError;
use super::record::{Cause, Outcome, Release};
use super::tracked_state::AnyState;
use crate::resource::Rung;

impl AnyState {
    /// The resource's label. It is asked for when something has gone wrong already: a panic in it loses
    /// the label only.
    pub(super) fn label(&self) -> String {
        catch_unwind(AssertUnwindSafe(|| self.resource.label().into_owned()))
            .unwrap_or_else(|_| "(its label panicked)".into())
    }

    /// A record with this outcome, of no attempt and no time.
    pub(super) fn record(&self, cause: Cause, outcome: Outcome) -> Release {
        Release {
            id: self.id(),
            kind: self.kind,
            label: self.label(),
            site: self.site,
            cause,
            outcome,
            rung: Rung::Ask,
            attempts: 0,
            took: Duration::ZERO,
            errors: Vec::new(),
        }
    }

    /// Ends a release for which no thread was available as stuck, so that a later one may begin.
    pub(super) fn end_without_thread(&self, cause: Cause, error: &CallError) -> Release {
        let outcome = Outcome::Stuck {
            holder: None,
            reason: error.to_string(),
        };
        let release = self.record(cause, outcome);
        tracing::warn!(site = %release.site, "{release}");
        self.end(&release);
        self.backstop.records().push(release.clone());
        release
    }
}
